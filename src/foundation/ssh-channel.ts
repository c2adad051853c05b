import { constants } from "node:os";
import type { Readable, Writable } from "node:stream";
import type { ClientChannel } from "ssh2";

/** What a remote command reads and writes. What is left out is empty input, or output that nobody reads. */
export interface ChannelStreams {
  readonly stdin?: Readable | string | Uint8Array;
  readonly stdout?: Writable;
  readonly stderr?: Writable;
  /** Ends the remote command (SIGTERM, then its channel is closed). */
  readonly signal?: AbortSignal;
}

/** What a terminal's streams have beyond others. */
interface TerminalInput {
  setRawMode?: (mode: boolean) => unknown;
}
interface TerminalOutput {
  readonly columns?: number;
  readonly rows?: number;
}

/** The size of the terminal behind a stream; 80x24 when it is none. */
export function terminalSize(output: Writable | undefined): { cols: number; rows: number } {
  const { columns = 80, rows = 24 } = (output ?? {}) as TerminalOutput;
  return { cols: columns, rows };
}

/**
 * Carries bytes between the streams and a running remote command until it has ended.
 * Gives its exit code (128 + n when signal n ended it), or undefined when it vanished without one. Rejects with the
 * signal's reason, or with the error of a local stream (a closed pipe).
 */
export async function runChannel(
  channel: ClientChannel,
  streams: ChannelStreams,
): Promise<number | undefined> {
  const input = connectInput(channel, streams.stdin);
  const over = new AbortController();
  try {
    return await new Promise<number | undefined>((resolve, reject) => {
      let code: number | undefined;
      const giveUp = (error: Error): void => {
        channel.close();
        reject(error);
      };
      channel.on("exit", (status: number | null, signal?: string) => {
        code = status ?? signalCode(signal);
      });
      channel.on("error", reject);
      connectOutput(channel, streams.stdout, giveUp);
      connectOutput(channel.stderr, streams.stderr, giveUp);
      channel.on("close", () => resolve(code));
      const terminate = (reason: Error): void => {
        sendTerm(channel);
        giveUp(reason);
      };
      onAbort(streams.signal, terminate, over.signal);
    });
  } finally {
    over.abort();
    input.release();
  }
}

/** Puts the local terminal into raw mode and lets the remote one follow its size. Gives the way back. */
export function bindTerminal(channel: ClientChannel, streams: ChannelStreams): () => void {
  const input = streams.stdin as TerminalInput | undefined;
  const output = streams.stdout;
  const resize = (): void => {
    const { cols, rows } = terminalSize(output);
    channel.setWindow(rows, cols, 0, 0);
  };
  input?.setRawMode?.(true);
  output?.on("resize", resize);
  return () => {
    input?.setRawMode?.(false);
    output?.off("resize", resize);
  };
}

function connectInput(channel: ClientChannel, stdin: ChannelStreams["stdin"]): { release(): void } {
  if (stdin === undefined || typeof stdin === "string" || stdin instanceof Uint8Array) {
    channel.end(stdin === undefined ? undefined : Buffer.from(stdin));
    return { release: () => undefined };
  }
  stdin.pipe(channel);
  return {
    release: () => {
      stdin.unpipe(channel);
      // A paused input no longer keeps the process alive.
      stdin.pause();
    },
  };
}

function connectOutput(from: Readable, to: Writable | undefined, failed: (error: Error) => void): void {
  if (to === undefined) {
    from.resume();
    return;
  }
  to.once("error", failed);
  from.once("close", () => to.off("error", failed));
  from.pipe(to, { end: false });
}

/** Acts once; after `over` no more, so that a signal that outlives many commands does not remember them all. */
function onAbort(signal: AbortSignal | undefined, act: (reason: Error) => void, over: AbortSignal): void {
  if (signal === undefined) return;
  if (signal.aborted) act(signal.reason as Error);
  else signal.addEventListener("abort", () => act(signal.reason as Error), { once: true, signal: over });
}

function signalCode(signal: string | undefined): number | undefined {
  const known: Readonly<Record<string, number>> = constants.signals;
  const number = signal === undefined ? undefined : known[signal];
  return number === undefined ? undefined : 128 + number;
}

/** ssh2's own `signal()` does nothing once our side has ended its input, which is just when it is needed here. */
function sendTerm(channel: ClientChannel): void {
  const { _client: client, outgoing } = channel as unknown as {
    readonly _client: { readonly _protocol: { signal(channel: number, name: string): void } };
    readonly outgoing: { readonly id: number; readonly state: string };
  };
  if (outgoing.state === "open" || outgoing.state === "eof") client._protocol.signal(outgoing.id, "TERM");
}
