import type { SshConnection } from "../foundation/ssh.ts";
import type { Login } from "./keys.ts";

/** How the host reaches into nodes, as a port: ssh-access.ts over ssh, and a fake in the tests. */
export interface NodeAccess {
  /**
   * Whether anything answers at the node's ssh port: `open`, `refused` (the machine is there, sshd is not), or `silent`
   * for `within` ms.
   */
  knock(node: NodeTarget, within: number, signal: AbortSignal): Promise<Knock>;
  /** Logs in as core. @throws E_NODE_UNREACHABLE, E_HOST_KEY */
  connect(node: NodeTarget, login: Login, options: ReachOptions): Promise<SshConnection>;
}

export type Knock = "open" | "refused" | "silent";

export interface NodeTarget {
  readonly name: string;
  readonly address: string;
}

export interface ReachOptions {
  /** ms */
  readonly timeout: number;
  readonly signal: AbortSignal;
  /** Lets commands on the node use the caller's ssh-agent (the path of its socket). */
  readonly agent?: string;
}
