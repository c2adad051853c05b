import { scrub } from "./errors.ts";

export type Level = "error" | "warn" | "info" | "debug";

export type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

/** What an operator debugs with (what a user is told are events, elsewhere). One line a call. */
export interface Log {
  error(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  debug(message: string, fields?: Fields): void;
  /** The same log with fields added to each line. */
  with(fields: Fields): Log;
}

/** syslog's numbers, which journald understands as `<N>` at the start of a line. */
const priorities: Record<Level, number> = { error: 3, warn: 4, info: 6, debug: 7 };
const order: readonly Level[] = ["error", "warn", "info", "debug"];

export interface LogOptions {
  readonly write: (line: string) => void;
  readonly level: Level;
  /** journald: `<6>message key=value`; plain: `INFO message key=value`. */
  readonly style: "journald" | "plain";
  readonly fields?: Fields;
}

/** A log that writes `message key=value` lines, secrets scrubbed. */
export function lineLog(options: LogOptions): Log {
  const emit = (level: Level, message: string, fields: Fields = {}): void => {
    if (order.indexOf(level) > order.indexOf(options.level)) return;
    const prefix = options.style === "journald" ? `<${priorities[level]}>` : `${level.toUpperCase()} `;
    const pairs = Object.entries({ ...options.fields, ...fields })
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => ` ${key}=${quoteIfNeeded(String(value))}`);
    options.write(scrub(`${prefix}${message}${pairs.join("")}`).replaceAll("\n", "\\n"));
  };
  return {
    error: (message, fields) => emit("error", message, fields),
    warn: (message, fields) => emit("warn", message, fields),
    info: (message, fields) => emit("info", message, fields),
    debug: (message, fields) => emit("debug", message, fields),
    with: (fields) => lineLog({ ...options, fields: { ...options.fields, ...fields } }),
  };
}

/** A log that keeps nothing. */
export function silentLog(): Log {
  return lineLog({ write: () => undefined, level: "error", style: "plain" });
}

function quoteIfNeeded(value: string): string {
  return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}
