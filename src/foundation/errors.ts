/**
 * The one error class of the project. A code from one table decides the exit code; the message says what happened, the
 * details say where, the hint says what to type next. Secrets are scrubbed here, so no caller can forget it.
 */

/** Exit codes of every command (a contract; see docs/cli.md). */
export const exitCodes = {
  ok: 0,
  false: 1,
  usage: 2,
  invalid: 3,
  missing: 4,
  unreachable: 5,
  timeout: 6,
  declined: 7,
  inconclusive: 8,
  bug: 70,
  interrupted: 130,
} as const;

export type ExitName = keyof typeof exitCodes;

/** Every error code, the exit it leads to and what it means (docs/errors.md is generated from this table). */
export const errorTable = {
  E_USAGE: { exit: "usage", meaning: "the command line is not one that we know" },
  E_CONFIG_INVALID: { exit: "invalid", meaning: "cluster.yaml has problems; each is listed with its place" },
  E_CONFIG_MISSING: { exit: "invalid", meaning: "there is no cluster.yaml where one was looked for" },
  E_STATE_CONFLICT: { exit: "invalid", meaning: "what was asked does not fit what the cluster already is" },
  E_NOT_SUPPORTED: { exit: "invalid", meaning: "this is not supported yet" },
  E_UNIT_INVALID: { exit: "invalid", meaning: "a unit file does not parse or breaks a rule of fleet" },
  E_SCENARIO_INVALID: { exit: "invalid", meaning: "a scenario does not parse or names what is not there" },
  E_HISTORY_INVALID: { exit: "invalid", meaning: "a history or report was cut short, or is none of ours" },
  E_CLOUD_CONFIG_INVALID: { exit: "invalid", meaning: "a node's cloud-config could not be applied" },
  E_HOST_LACKS: { exit: "missing", meaning: "this host lacks something that the command needs" },
  E_DISK_FULL: { exit: "missing", meaning: "a file could not be written because the disk is full" },
  E_IN_USE: { exit: "missing", meaning: "a name, address or port that we need is taken by something else" },
  E_NODE_UNREACHABLE: { exit: "unreachable", meaning: "a node or the cluster does not answer" },
  E_HOST_KEY: { exit: "unreachable", meaning: "a node's ssh host key is not the one that we gave it" },
  E_LOCKED: { exit: "unreachable", meaning: "another run holds the cluster's lock" },
  E_ETCD: { exit: "unreachable", meaning: "etcd does not answer, or has no quorum" },
  E_SYSTEMD: {
    exit: "unreachable",
    meaning: "a node's systemd does not answer over D-Bus, or refused a request",
  },
  E_FLEET_API: { exit: "false", meaning: "fleet's API refused a request" },
  E_UNIT_UNPLACEABLE: { exit: "false", meaning: "a unit can run on no machine; the reasons are listed" },
  E_COMMAND_FAILED: { exit: "false", meaning: "a program that we ran failed" },
  E_CHECK_FAILED: { exit: "false", meaning: "the checked thing is false" },
  E_TIMEOUT: { exit: "timeout", meaning: "something did not happen in its time" },
  E_DECLINED: { exit: "declined", meaning: "the question was answered with no" },
  E_INTERRUPTED: { exit: "interrupted", meaning: "stopped by the user" },
  E_BUG: { exit: "bug", meaning: "a mistake of ours" },
} as const satisfies Record<string, { exit: ExitName; meaning: string }>;

export type ErrorCode = keyof typeof errorTable;

export interface AppErrorOptions {
  /** What to do next: a sentence, or the command to type. */
  readonly hint?: string;
  /** One line each: where, which value, the last lines of a log. */
  readonly details?: readonly string[];
  readonly cause?: unknown;
  /** For commands that must pass on a program's own exit code. */
  readonly exit?: number;
}

const brand = Symbol.for("flotilla.AppError");

export class AppError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: readonly string[];
  readonly exitCode: number;
  readonly [brand] = true;

  /** @param message lower case, no full stop, names the wrong value */
  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(scrub(message), options.cause === undefined ? {} : { cause: options.cause });
    this.name = "AppError";
    this.code = code;
    this.hint = options.hint === undefined ? undefined : scrub(options.hint);
    this.details = (options.details ?? []).map(scrub);
    this.exitCode = options.exit ?? exitCodes[errorTable[code].exit];
  }
}

/** Whether `error` is ours (also across two copies of this module), optionally with that very code. */
export function isAppError(error: unknown, code?: ErrorCode): error is AppError {
  if (typeof error !== "object" || error === null || !(brand in error)) return false;
  return code === undefined || (error as AppError).code === code;
}

/** Hides passwords of URLs and the bodies of private keys. */
export function scrub(text: string): string {
  return text
    .replaceAll(/([a-z][a-z0-9+.-]*:\/\/)([^\s/@:"']*):([^\s/"']*)@/gi, "$1$2:***@")
    .replaceAll(
      /-----BEGIN ([A-Z ]*PRIVATE KEY)-----[\s\S]*?(-----END \1-----|$)/g,
      "-----BEGIN $1----- *** -----END $1-----",
    );
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return scrub(error instanceof Error ? error.message : String(error));
}
