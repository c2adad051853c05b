import type { Duplex } from "node:stream";
import ssh2 from "ssh2";
import type { Client, SFTPWrapper } from "ssh2";
import { systemClock } from "./clock.ts";
import type { Clock } from "./clock.ts";
import { AppError } from "./errors.ts";
import { addressOf } from "./known-hosts.ts";
import type { HostKeyCheck } from "./known-hosts.ts";
import type { ChannelStreams } from "./ssh-channel.ts";
import { commandsOver } from "./ssh-commands.ts";
import { download, upload } from "./ssh-files.ts";
import { logIn } from "./ssh-login.ts";
import { explainSsh } from "./ssh-trouble.ts";

export interface ConnectOptions {
  readonly host: string;
  /** Default 22. */
  readonly port?: number;
  readonly username: string;
  /** OpenSSH's private key text. Tried before the agent. */
  readonly privateKey?: string;
  /** The path of an ssh-agent's socket. */
  readonly agent?: string;
  /** Lets the commands of this connection use the agent. */
  readonly forwardAgent?: boolean;
  /** Decides over the server's host key; there is no way around it. */
  readonly knownHosts: HostKeyCheck;
  /** For reaching the host and again for logging in, ms; a person's answer about the key does not count. Default 10 s. */
  readonly timeout?: number;
  /** How often a silent host is asked whether it lives, ms; after three silent times the connection is lost. Default 2 s. */
  readonly keepaliveInterval?: number;
  /** A stream to use instead of a TCP connection: a hop through another host. */
  readonly via?: Duplex;
  /** Aborts the connecting; later it has no effect. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

export interface ExecOptions extends ChannelStreams {
  /**
   * Gives the command a terminal, as large as the one behind stdout; stdin goes to raw mode meanwhile. The remote side
   * then mixes standard error into standard output.
   */
  readonly pty?: boolean;
  /** The terminal's type. Default xterm-256color. */
  readonly term?: string;
  /** For the command; sshd takes only names that its AcceptEnv lists. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A logged-in connection. Every call throws E_NODE_UNREACHABLE when the connection is or gets lost. */
export interface SshConnection {
  /** Runs one command line in the user's shell; its exit code, 128 + n when signal n ended it. */
  exec(command: string, options?: ExecOptions): Promise<number>;
  /** Runs a login shell until it ends. */
  shell(options: ExecOptions): Promise<number>;
  /** A stream to a unix socket on the host. */
  openUnix(path: string): Promise<Duplex>;
  /** A stream to an address as seen from the host. */
  openTcp(host: string, port: number): Promise<Duplex>;
  /** Copies a file or a folder with all in it. */
  upload(localPath: string, remotePath: string): Promise<void>;
  download(remotePath: string, localPath: string): Promise<void>;
  /** Aborts when the connection has ended, for whatever reason. */
  readonly lost: AbortSignal;
  /** Takes leave, and waits a moment until the other side has closed the connection, too. */
  end(): Promise<void>;
}

/** Connects and logs in. Throws E_HOST_KEY, E_NODE_UNREACHABLE or the signal's reason. */
export async function connect(options: ConnectOptions): Promise<SshConnection> {
  options.signal?.throwIfAborted();
  const client = new ssh2.Client();
  const lost = new AbortController();
  const where = `${options.username}@${addressOf(options.host, options.port)}`;
  client.on("close", () =>
    lost.abort(new AppError("E_NODE_UNREACHABLE", `the connection to ${where} was lost`)),
  );
  try {
    await logIn(client, options, where);
  } catch (error) {
    client.destroy();
    throw error;
  }
  // ssh2 reports a lost connection here first; "close" follows and ends what is under way.
  client.on("error", () => undefined);
  const { forwardAgent = false, clock = systemClock() } = options;
  return connection(client, lost.signal, { where, forwardAgent, clock });
}

/** Runs a command and collects what it says. */
export async function capture(
  connection: SshConnection,
  command: string,
  options: { readonly input?: string | Uint8Array; readonly signal?: AbortSignal } = {},
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const { PassThrough } = await import("node:stream");
  const { text } = await import("node:stream/consumers");
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const texts = Promise.all([text(stdout), text(stderr)]);
  const code = await connection
    .exec(command, {
      stdout,
      stderr,
      ...(options.input === undefined ? {} : { stdin: options.input }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    })
    .finally(() => [stdout, stderr].forEach((stream) => stream.end()));
  const [out, err] = await texts;
  return { code, stdout: out, stderr: err };
}

/** How long the other side may take to close a connection, ms: a machine that stands still takes no leave. */
const leaveWithin = 1_000;

function connection(
  client: Client,
  lost: AbortSignal,
  {
    where,
    forwardAgent,
    clock,
  }: { readonly where: string; readonly forwardAgent: boolean; readonly clock: Clock },
): SshConnection {
  const open = opener(lost, where);
  return {
    lost,
    ...commandsOver(client, open, { lost, where, forwardAgent }),
    openUnix: async (path) =>
      await open((done) => client.openssh_forwardOutStreamLocal(path, done), itself<Duplex>),
    openTcp: async (host, port) =>
      await open((done) => client.forwardOut("127.0.0.1", 0, host, port, done), itself<Duplex>),
    upload: async (local, remote) =>
      await open(
        (done) => client.sftp(done),
        async (sftp: SFTPWrapper) => await upload(sftp, local, remote),
      ),
    download: async (remote, local) =>
      await open(
        (done) => client.sftp(done),
        async (sftp: SFTPWrapper) => await download(sftp, remote, local),
      ),
    end: () => leave(client, lost, clock),
  };
}

async function leave(client: Client, lost: AbortSignal, clock: Clock): Promise<void> {
  if (lost.aborted) return;
  const closed = new Promise<void>((resolve) => lost.addEventListener("abort", () => resolve()));
  client.end();
  const waited = new AbortController();
  await Promise.race([closed, clock.sleep(leaveWithin, waited.signal).catch(() => undefined)]);
  waited.abort();
}

/** Opens a channel by `start`, and gives what `use` makes of it. */
export type Open = <T, R>(start: (done: Callback<T>) => void, use: (value: T) => R) => Promise<Awaited<R>>;

/** `use` runs in the very turn in which the channel opens: a short command's exit may follow in the same packet. */
function opener(lost: AbortSignal, where: string): Open {
  return async <T, R>(start: (done: Callback<T>) => void, use: (value: T) => R): Promise<Awaited<R>> => {
    lost.throwIfAborted();
    return await new Promise<R>((resolve, reject) => {
      const drop = (): void => reject(lost.reason as Error);
      lost.addEventListener("abort", drop, { once: true });
      start((error, value) => {
        lost.removeEventListener("abort", drop);
        if (error === undefined || error === null) resolve(use(value));
        else reject(explainSsh(error, where));
      });
    });
  };
}

type Callback<T> = (error: Error | null | undefined, value: T) => void;

function itself<T>(value: T): T {
  return value;
}
