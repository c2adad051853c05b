import { PassThrough, Writable } from "node:stream";
import { isAppError, messageOf } from "../../foundation/errors.ts";
import { shellQuote } from "../../foundation/exec.ts";
import type { World } from "../cluster.ts";
import type { Login } from "../state/keys.ts";
import { parseReadyLine, type ReadyReport } from "./layers.ts";
import type { NodeTarget } from "../access/node-access.ts";

/** Where the nodes' own programs lie; a command over ssh may come before a login's PATH. */
export const readyProgram = "/opt/bin/flotilla-ready";

/** What a node says of itself, as it changes, over one ssh connection that is made anew when it breaks. */
export interface ReadyStream {
  readonly report: ReadyReport;
  /** Why nothing is heard at the moment; undefined while the connection stands. */
  readonly trouble: string | undefined;
  /** Resolves at the next change of what is above. */
  changed(): Promise<void>;
}

export interface FollowOptions {
  readonly world: World;
  readonly login: Login;
  readonly node: NodeTarget;
  readonly machines: number;
  /** Ends the stream. */
  readonly signal: AbortSignal;
}

const retryPause = 200;

/** Follows a node until the signal aborts. Trouble is reported, not thrown; only a wrong host key rejects `failed`. */
export function followReady(options: FollowOptions): ReadyStream & { readonly failed: Promise<never> } {
  let report: ReadyReport = {};
  let trouble: string | undefined = "not connected yet";
  let next = Promise.withResolvers<void>();
  const tell = (): void => {
    next.resolve();
    next = Promise.withResolvers();
  };
  const onLine = (line: string): void => {
    const parsed = parseReadyLine(line);
    if (parsed === undefined) return;
    [report, trouble] = [parsed, undefined];
    tell();
  };
  const onTrouble = (message: string): void => {
    trouble = message;
    tell();
  };
  const failed = keepFollowing(options, onLine, onTrouble);
  failed.catch(() => undefined);
  return {
    get report() {
      return report;
    },
    get trouble() {
      return trouble;
    },
    changed: () => next.promise,
    failed,
  };
}

async function keepFollowing(
  options: FollowOptions,
  onLine: (line: string) => void,
  onTrouble: (message: string) => void,
): Promise<never> {
  const { world, signal } = options;
  for (;;) {
    signal.throwIfAborted();
    try {
      onTrouble(await followOnce(options, onLine));
    } catch (error) {
      if (isAppError(error, "E_HOST_KEY")) throw error;
      onTrouble(messageOf(error));
    }
    await world.clock.sleep(retryPause, signal);
  }
}

/** Gives why it ended. */
async function followOnce(options: FollowOptions, onLine: (line: string) => void): Promise<string> {
  const { world, login, node, machines, signal } = options;
  const connection = await world.access.connect(node, login, { timeout: 5_000, signal });
  let complaint = "";
  const stderr = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      complaint = `${complaint}${chunk.toString()}`.slice(-500);
      done();
    },
  });
  try {
    const command = `${readyProgram} --follow --machines ${shellQuote(String(machines))}`;
    // An open input: the program ends when it is closed, so it never outlives us.
    const code = await connection.exec(command, {
      stdin: new PassThrough(),
      stdout: lines(onLine),
      stderr,
      signal,
    });
    return code === 0 ? "the node's report ended" : `${readyProgram} ended with ${code}: ${complaint.trim()}`;
  } finally {
    await connection.end();
  }
}

/** A stream that gives away each complete line. */
export function lines(onLine: (line: string) => void): Writable {
  let rest = "";
  return new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      const parts = `${rest}${chunk.toString()}`.split("\n");
      rest = parts.pop() ?? "";
      for (const part of parts) onLine(part);
      done();
    },
  });
}
