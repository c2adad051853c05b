import { spawn } from "node:child_process";
import { connect } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import ssh2 from "ssh2";
import type { Connection, ServerChannel, Session } from "ssh2";
import { serveFiles } from "./sftp-server.ts";

export interface TestServer {
  readonly port: number;
  /** Sizes that terminals were given, `COLSxROWS`, in order. */
  readonly sizes: readonly string[];
  /** Cuts every connection at the TCP level. */
  cut(): void;
  /** Keeps the connections open but reads nothing more, like a machine without power. */
  freeze(): void;
  close(): Promise<void>;
}

export interface ServerRules {
  /** Where commands look for programs before anywhere else. */
  readonly programs?: string;
  /** False refuses to open streams, as `AllowStreamLocalForwarding no` does. */
  readonly streams?: boolean;
}

/** A small ssh server on loopback that runs commands with /bin/sh and opens streams, for one user and one key. */
export async function startSshServer(
  hostKey: string,
  publicKey: string,
  rules: ServerRules = {},
): Promise<TestServer> {
  const sizes: string[] = [];
  const sockets = new Set<Socket>();
  const allowed = ssh2.utils.parseKey(publicKey);
  if (allowed instanceof Error) throw allowed;
  const server = new ssh2.Server({ hostKeys: [hostKey] }, (client) => {
    client.on("error", () => undefined);
    client.on("authentication", (attempt) => {
      const good = attempt.method === "publickey" && attempt.key.data.equals(allowed.getPublicSSH());
      if (good) attempt.accept();
      else attempt.reject(["publickey"]);
    });
    client.on("session", (accept) => serveSession(accept(), sizes, rules));
    if (rules.streams !== false) serveStreams(client);
  });
  // ssh2's server hides the sockets it accepts; the tests want to cut them.
  const inner = (server as unknown as { _srv: { on(event: string, act: (socket: Socket) => void): void } })
    ._srv;
  inner.on("connection", (socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    sizes,
    cut: () => sockets.forEach((socket) => socket.destroy()),
    freeze: () => {
      for (const socket of sockets) {
        socket.removeAllListeners("data");
        socket.pause();
      }
    },
    close: async () => {
      sockets.forEach((socket) => socket.destroy());
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function serveSession(session: Session, sizes: string[], rules: ServerRules): void {
  const path = process.env["PATH"] ?? "";
  const env: Record<string, string> = {
    PATH: rules.programs === undefined ? path : `${rules.programs}:${path}`,
  };
  let terminal = "";
  session.on("env", (accept, _reject, info) => {
    env[info.key] = info.val;
    accept?.();
  });
  session.on("pty", (accept, _reject, info) => {
    sizes.push(`${info.cols}x${info.rows}`);
    terminal = (info as unknown as { term: string }).term;
    accept();
  });
  session.on("window-change", (accept, _reject, info) => {
    sizes.push(`${info.cols}x${info.rows}`);
    accept?.();
  });
  session.on("exec", (accept, _reject, info) =>
    run(accept(), ["-c", info.command], { ...env, TERM: terminal }),
  );
  session.on("shell", (accept) => run(accept(), ["-s"], { ...env, TERM: terminal }));
  session.on("sftp", (accept) => serveFiles(accept()));
}

function run(channel: ServerChannel, args: string[], env: Record<string, string>): void {
  const child = spawn("/bin/sh", args, { env, detached: true });
  channel.pipe(child.stdin);
  child.stdin.on("error", () => undefined);
  child.stdout.pipe(channel, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  const killGroup = (): void => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-(child.pid ?? 0), "SIGTERM");
  };
  channel.on("signal", killGroup);
  channel.on("close", killGroup);
  child.on("close", (code, signal) => {
    if (code !== null) channel.exit(code);
    else channel.exit((signal ?? "SIGTERM").replace("SIG", ""), false, "");
    channel.end();
  });
}

function serveStreams(client: Connection): void {
  client.on("tcpip", (accept, reject, info) => join(connect(info.destPort, info.destIP), accept, reject));
  client.on("openssh.streamlocal", (accept, reject, info) => join(connect(info.socketPath), accept, reject));
}

function join(target: Socket, accept: () => Duplex, reject: () => void): void {
  target.once("error", reject);
  target.once("connect", () => {
    target.off("error", reject);
    const channel = accept();
    target.on("error", () => channel.destroy());
    channel.on("close", () => target.destroy());
    channel.pipe(target).pipe(channel);
  });
}
