import { capture, type SshConnection } from "../../foundation/ssh.ts";
import { getOver } from "../../lifecycle/access/node-http.ts";
import type { NodeAudit } from "../history/history.ts";

interface ShownUnit {
  readonly name: string;
  readonly desiredState: string;
}
interface ShownState {
  readonly name: string;
  readonly machineID: string;
  readonly systemdActiveState?: string;
}

export interface AuditRequest {
  readonly node: string;
  /** The machines' names by their ids. */
  readonly names: ReadonlyMap<string, string>;
  /** How long a single question may take, ms. */
  readonly within: number;
  readonly signal: AbortSignal;
}

/**
 * Asks one node what runs there, by Docker, and what its fleet says, by fleet's API.
 * @returns undefined when the node does not answer at all
 */
export async function auditNode(
  connect: () => Promise<SshConnection>,
  { node, names, within, signal }: AuditRequest,
): Promise<NodeAudit | undefined> {
  try {
    const connection = await connect();
    const [containers, units, states] = await Promise.all([
      containersOn(connection, within, signal),
      listed<ShownUnit>(connection, within, "units"),
      listed<ShownState>(connection, within, "states", "state"),
    ]);
    return {
      node,
      containers,
      units: units?.map(({ name, desiredState }) => ({ unit: name, desired: desiredState })),
      states: states?.map(({ name, machineID, systemdActiveState = "" }) => ({
        unit: name,
        machine: names.get(machineID) ?? machineID,
        active: systemdActiveState,
      })),
    };
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

async function containersOn(
  connection: SshConnection,
  within: number,
  signal: AbortSignal,
): Promise<string[] | undefined> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(within)]);
  const command = "sudo docker ps --format '{{.Names}}'";
  const answer = await capture(connection, command, { signal: limit }).catch(() => undefined);
  if (answer?.code !== 0) return undefined;
  return answer.stdout.split("\n").filter((name) => name !== "");
}

/** All pages of a list of fleet's API. */
async function listed<T>(
  connection: SshConnection,
  within: number,
  key: string,
  path = key,
): Promise<T[] | undefined> {
  const found: T[] = [];
  let token: string | undefined;
  try {
    do {
      const query = token === undefined ? "" : `?nextPageToken=${encodeURIComponent(token)}`;
      const socket = await connection.openUnix("/run/fleet.sock");
      const answer = await getOver(socket, `/fleet/v1/${path}${query}`, within);
      if (answer.status !== 200) return undefined;
      const page = JSON.parse(answer.body) as Record<string, unknown>;
      found.push(...((page[key] ?? []) as T[]));
      token = page["nextPageToken"] as string | undefined;
    } while (token !== undefined);
    return found;
  } catch {
    return undefined;
  }
}
