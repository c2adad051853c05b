import type { SshConnection } from "../../foundation/ssh.ts";
import type { Provider } from "../../provider/provider.ts";
import type { Login } from "../state/keys.ts";

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
  /** How many times longer than a container it may take to answer; 1 by default. */
  readonly patience?: number;
}

/** What is expected of a provider's machines: virtual ones may be emulated, several on one processor. */
export function patienceWith(provider: Pick<Provider, "capabilities">): number {
  return provider.capabilities.powerCut === "guest" ? 5 : 1;
}

/** A machine of this provider, to be reached. */
export function nodeTarget(
  provider: Pick<Provider, "capabilities">,
  name: string,
  address: string,
): NodeTarget {
  const patience = patienceWith(provider);
  return patience === 1 ? { name, address } : { name, address, patience };
}

export interface ReachOptions {
  /** ms */
  readonly timeout: number;
  readonly signal: AbortSignal;
  /** Lets commands on the node use the caller's ssh-agent (the path of its socket). */
  readonly agent?: string;
}
