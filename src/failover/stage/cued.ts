import { PassThrough } from "node:stream";
import { shellQuote } from "../../foundation/exec.ts";
import type { SshConnection } from "../../foundation/ssh.ts";
import type { Ran, RunOptions } from "./stage.ts";

/**
 * Commands on machines that have been started and wait for their cue. To open a channel, to log in and to become root
 * takes longer than what a fault does; so all that is done before.
 */
export interface Cued {
  /** Returns when the lines of sh wait for their cue; a machine that does not answer has none waiting. */
  prepare(node: string, script: string, options: RunOptions): Promise<void>;
  /** Gives the cue. Undefined at once when nothing waits; its promise is undefined when no answer came in time. */
  run(node: string, script: string, options: RunOptions): Promise<Ran | undefined> | undefined;
}

interface Waiting {
  readonly connection: SshConnection;
  readonly cue: (options: RunOptions) => Promise<Ran | undefined>;
}

/** @param line a connection to a node, which may be shared: whoever ends it ends what waits there, without running it */
export function cuedCommands(line: (node: string, signal: AbortSignal) => Promise<SshConnection>): Cued {
  const waiting = new Map<string, Waiting>();
  const keyOf = (node: string, script: string): string => `${node}\n${script}`;
  return {
    prepare: async (node, script, { within, signal }) => {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(within)]);
      const connection = await line(node, limit).catch(() => undefined);
      if (connection === undefined) return;
      const cue = await begin(connection, script, limit);
      if (cue !== undefined) waiting.set(keyOf(node, script), { connection, cue });
    },
    run: (node, script, options) => {
      const found = waiting.get(keyOf(node, script));
      waiting.delete(keyOf(node, script));
      return found === undefined || found.connection.lost.aborted ? undefined : found.cue(options);
    },
  };
}

/**
 * Without our word, and be it because we are gone, nothing of the script is run. At its end it says so itself: until
 * sudo and sshd have closed what they opened for it can take longer than the script.
 */
const onCue = (script: string): string =>
  `echo; read -r cue && [ "$cue" = go ] || exit 0\n(\n${script}\n)\ncode=$?\nprintf '\\0%s' $code; exit $code`;

/** What `onCue` adds to the output. */
const ending = (code: number): string => `\0${code}`;

/** What was printed after the line that only said that it waits, without the ending. */
const printed = (stdout: string): string => stdout.slice(1).replace(/\0\d+$/, "");

async function begin(
  connection: SshConnection,
  script: string,
  limit: AbortSignal,
): Promise<Waiting["cue"] | undefined> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const said = { stdout: "", stderr: "" };
  const ready = Promise.withResolvers<boolean>();
  const succeeded = Promise.withResolvers<number>();
  stdout.on("data", (chunk: Buffer) => {
    said.stdout += chunk.toString();
    ready.resolve(true);
    if (said.stdout.endsWith(ending(0))) succeeded.resolve(0);
  });
  stderr.on("data", (chunk: Buffer) => (said.stderr += chunk.toString()));
  const giveUp = new AbortController();
  const ended = connection
    .exec(`sudo sh -c ${shellQuote(onCue(script))}`, {
      stdin,
      stdout,
      stderr,
      signal: giveUp.signal,
    })
    .catch(() => undefined)
    .finally(() => ready.resolve(false));
  limit.addEventListener("abort", () => ready.resolve(false), { once: true });
  if (!(await ready.promise)) {
    giveUp.abort(new Error("it was not ready in time"));
    return undefined;
  }
  return async ({ within, signal }) => {
    const late = AbortSignal.any([signal, AbortSignal.timeout(within)]);
    late.addEventListener("abort", () => giveUp.abort(late.reason), { once: true });
    if (late.aborted) giveUp.abort(late.reason);
    stdin.end("go\n");
    // What failed is waited for to its very end: the reason may come after it.
    const code = await Promise.race([succeeded.promise, ended]);
    signal.throwIfAborted();
    return code === undefined ? undefined : { code, stdout: printed(said.stdout), stderr: said.stderr };
  };
}
