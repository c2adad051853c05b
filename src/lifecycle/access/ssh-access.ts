import { connect as connectTcp } from "node:net";
import { AppError } from "../../foundation/errors.ts";
import type { Knock, NodeAccess } from "./node-access.ts";

/** The user that CoreOS made, and we too. */
export const nodeUser = "core";

/** How often a silent container is asked whether it lives, ms; three silent times and the connection is lost. */
const keepaliveEvery = 2_000;

/** Reaches nodes over ssh, host keys checked against the cluster's own known_hosts. */
export function sshAccess(): NodeAccess {
  return {
    knock: (node, within, signal) => knock(node.address, within * (node.patience ?? 1), signal),
    connect: async (node, login, options) => {
      const [{ connect }, { parseKnownHosts, pinnedHostKeys }] = await Promise.all([
        import("../../foundation/ssh.ts"),
        import("../../foundation/known-hosts.ts"),
      ]);
      return await connect({
        host: node.address,
        username: nodeUser,
        privateKey: login.privateKey,
        knownHosts: pinnedHostKeys(parseKnownHosts(login.knownHosts)),
        timeout: options.timeout * (node.patience ?? 1),
        keepaliveInterval: keepaliveEvery * (node.patience ?? 1),
        signal: options.signal,
        ...(options.agent === undefined ? {} : { agent: options.agent, forwardAgent: true }),
      });
    },
  };
}

async function knock(host: string, within: number, signal: AbortSignal): Promise<Knock> {
  signal.throwIfAborted();
  return await new Promise<Knock>((resolve, reject) => {
    const socket = connectTcp({ host, port: 22 });
    const end = (answer: Knock): void => {
      signal.removeEventListener("abort", giveUp);
      socket.destroy();
      resolve(answer);
    };
    const giveUp = (): void => {
      socket.destroy();
      reject(signal.reason instanceof Error ? signal.reason : new AppError("E_INTERRUPTED", "interrupted"));
    };
    signal.addEventListener("abort", giveUp, { once: true });
    socket.setTimeout(within, () => end("silent"));
    socket.once("connect", () => end("open"));
    socket.once("error", (error: NodeJS.ErrnoException) =>
      end(error.code === "ECONNREFUSED" || error.code === "ECONNRESET" ? "refused" : "silent"),
    );
  });
}
