import { messageOf } from "../../foundation/errors.ts";
import { capture, type SshConnection } from "../../foundation/ssh.ts";
import type { World } from "../cluster.ts";
import type { Login } from "../state/keys.ts";
import type { LayerName } from "./layers.ts";
import type { NodeTarget } from "../access/node-access.ts";
import { getOver } from "../access/node-http.ts";
import { overrides, overridesCommand } from "./proxy-overrides.ts";

/** One layer of one node, at one moment. */
export interface LayerState {
  readonly layer: LayerName;
  readonly ok: boolean;
  /** Why not, in a few words. */
  readonly why?: string;
}

/** A layer's state together with what the owner should know besides. */
export interface Look {
  readonly layers: readonly LayerState[];
  /** A sentence each; nothing is wrong. */
  readonly notes: readonly string[];
}

/** What a running node answers when it is asked once. `extra` is what was read besides, over the same connection. */
export interface ProbeReport<Extra> extends Look {
  readonly extra: Extra | undefined;
}

const usual = 2_000;
const cloudConfigResult = "/run/flotilla/cloudinit.json";

/**
 * Asks a node's services themselves, side by side over one ssh connection: no program of ours has to start there, which
 * is what makes `status` quick. Never throws for what a node does or does not answer.
 */
export async function probeNode<Extra = undefined>(
  world: World,
  node: NodeTarget,
  login: Login,
  besides?: (connection: SshConnection) => Promise<Extra>,
): Promise<ProbeReport<Extra>> {
  let connection: SshConnection;
  try {
    connection = await world.access.connect(node, login, { timeout: usual, signal: world.signal });
  } catch (error) {
    world.signal.throwIfAborted();
    return { layers: [{ layer: "sshd", ok: false, why: messageOf(error) }], notes: [], extra: undefined };
  }
  try {
    const [look, extra] = await Promise.all([
      probeOver(connection, usual * (node.patience ?? 1)),
      besides?.(connection).catch(() => undefined),
    ]);
    return { ...look, extra };
  } finally {
    // Not awaited by the caller's clock: a dead node would hold the report up.
    void connection.end();
  }
}

/** The layers of the node behind an open connection. */
async function probeOver(connection: SshConnection, within: number): Promise<Look> {
  let notes: readonly string[] = [];
  const checkApplied = async (): Promise<string | undefined> => {
    const applied = await readApplied(connection, within);
    notes = applied.notes;
    return applied.trouble;
  };
  const [applied, ...rest] = await Promise.all([
    judge("cloud-config", checkApplied),
    judge("etcd", () => checkEtcd(connection, within)),
    judge("docker", () => checkDocker(connection, within)),
    judge("fleet", () => checkFleet(connection, within)),
  ]);
  return { layers: [{ layer: "sshd", ok: true }, applied, ...rest], notes };
}

/** A check gives undefined when all is well, else why not. */
async function judge(layer: LayerName, check: () => Promise<string | undefined>): Promise<LayerState> {
  let why: string | undefined;
  try {
    why = await check();
  } catch (error) {
    why = messageOf(error);
  }
  return why === undefined ? { layer, ok: true } : { layer, ok: false, why };
}

interface Applied {
  readonly trouble: string | undefined;
  readonly notes: readonly string[];
}

/** One question for both: each costs a channel and a shell. */
async function readApplied(connection: SshConnection, within: number): Promise<Applied> {
  const command = `cat ${cloudConfigResult} && echo && ${overridesCommand}`;
  const { stdout } = await capture(connection, command, { signal: AbortSignal.timeout(within) });
  const [first = "", ...rest] = stdout.split("\n");
  if (first === "") return { trouble: "not applied yet", notes: [] };
  const result = JSON.parse(first) as {
    readonly ok?: boolean;
    readonly error?: { readonly message?: string };
    readonly notes?: readonly string[];
  };
  const trouble = result.ok === true ? undefined : (result.error?.message ?? "it could not be applied");
  return { trouble, notes: [...(result.notes ?? []), ...overrides(rest)] };
}

async function checkEtcd(connection: SshConnection, within: number): Promise<string | undefined> {
  const answer = await getOver(await connection.openTcp("127.0.0.1", 2379), "/health", within);
  const { health, reason } = JSON.parse(answer.body) as { health?: string | boolean; reason?: string };
  return String(health) === "true" ? undefined : reason === undefined || reason === "" ? "unhealthy" : reason;
}

async function checkDocker(connection: SshConnection, within: number): Promise<string | undefined> {
  const answer = await getOver(await connection.openUnix("/run/docker.sock"), "/_ping", within);
  return answer.status === 200 ? undefined : `docker answers ${answer.status}`;
}

async function checkFleet(connection: SshConnection, within: number): Promise<string | undefined> {
  const answer = await getOver(await connection.openUnix("/run/fleet.sock"), "/fleet/v1/machines", within);
  return answer.status === 200 ? undefined : `fleet answers ${answer.status}`;
}
