import { chmod, rm } from "node:fs/promises";
import type { Server } from "node:net";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";
import type { ErrorCode } from "../../../foundation/errors.ts";
import { AppError, isAppError, messageOf } from "../../../foundation/errors.ts";

/** One request and one answer per line of JSON, over a unix socket that only its owner may open. */
export type Handler = (
  method: string,
  node: string,
  more: Readonly<Record<string, unknown>>,
) => Promise<unknown>;

interface Request {
  readonly method: string;
  readonly node: string;
  readonly more?: Readonly<Record<string, unknown>>;
}

type Answer =
  | { readonly ok: true; readonly result: unknown }
  | {
      readonly ok: false;
      readonly code: ErrorCode;
      readonly message: string;
      readonly details: readonly string[];
      readonly hint?: string;
    };

/** Answers requests until the server is closed. What a client asked for goes on when the client is gone. */
export async function serve(socketPath: string, handle: Handler): Promise<Server> {
  await rm(socketPath, { force: true });
  const server = createServer((socket) => {
    // A client that was killed must not take the supervisor with it: the reader of lines tells the socket's error again.
    socket.on("error", () => socket.destroy());
    const lines = createInterface({ input: socket }).on("error", () => undefined);
    lines.on("line", (line) => {
      void answer(line, handle).then((reply) => {
        if (socket.writable) socket.write(`${JSON.stringify(reply)}\n`);
      });
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(socketPath, resolve);
  });
  await chmod(socketPath, 0o600);
  return server;
}

/**
 * Asks the supervisor and waits for its answer, however long that takes.
 * @returns undefined when nobody listens
 * @throws the supervisor's error; E_NODE_UNREACHABLE when it ends without an answer; the signal's reason
 */
export function call(
  socketPath: string,
  request: {
    readonly method: string;
    readonly node?: string;
    readonly more?: Readonly<Record<string, unknown>>;
  },
  signal: AbortSignal,
): Promise<{ readonly result: unknown } | undefined> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    const socket = connect(socketPath);
    const abort = (): void => {
      reject(signal.reason as Error);
      socket.destroy();
    };
    signal.addEventListener("abort", abort, { once: true });
    socket.on("close", () => {
      signal.removeEventListener("abort", abort);
      reject(
        new AppError("E_NODE_UNREACHABLE", "the cluster's supervisor ended before it answered", {
          hint: "run the same command again; its log is logs/supervisor.log in the cluster's state folder",
        }),
      );
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "ECONNREFUSED") resolve(undefined);
      else reject(error);
    });
    socket.write(`${JSON.stringify({ node: "", ...request })}\n`);
    createInterface({ input: socket })
      .on("line", (line) => {
        const reply = parsed(line);
        // Half a line is the last of a supervisor that was killed: that the socket closes says the rest.
        if (reply !== undefined) settle(reply, resolve, reject);
        socket.destroy();
      })
      // The socket itself reports its errors.
      .on("error", () => undefined);
    return undefined;
  });
}

function parsed(line: string): Answer | undefined {
  try {
    return JSON.parse(line) as Answer;
  } catch {
    return undefined;
  }
}

function settle(
  answer: Answer,
  resolve: (value: { readonly result: unknown }) => void,
  reject: (error: Error) => void,
): void {
  if (answer.ok) return resolve({ result: answer.result });
  const { code, message, details, hint } = answer;
  return reject(new AppError(code, message, { details, ...(hint === undefined ? {} : { hint }) }));
}

async function answer(line: string, handle: Handler): Promise<Answer> {
  try {
    const { method, node, more = {} } = JSON.parse(line) as Request;
    return { ok: true, result: (await handle(method, node, more)) ?? null };
  } catch (error) {
    if (!isAppError(error)) return { ok: false, code: "E_BUG", message: messageOf(error), details: [] };
    const { code, message, details, hint } = error;
    return { ok: false, code, message, details, ...(hint === undefined ? {} : { hint }) };
  }
}
