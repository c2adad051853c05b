import { Writable } from "node:stream";
import { messageOf } from "../foundation/errors.ts";
import type { SshConnection } from "../foundation/ssh.ts";
import type { World } from "./cluster.ts";
import type { Login } from "./keys.ts";
import type { LayerName } from "./layers.ts";
import type { NodeTarget } from "./node-access.ts";
import { getOver } from "./node-http.ts";

/** One layer of one node, at one moment. */
export interface LayerState {
  readonly layer: LayerName;
  readonly ok: boolean;
  /** Why not, in a few words. */
  readonly why?: string;
}

/** What a running node answers when it is asked once. `extra` is what was read besides, over the same connection. */
export interface ProbeReport<Extra> {
  readonly layers: readonly LayerState[];
  readonly extra: Extra | undefined;
}

const within = 2_000;
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
    connection = await world.access.connect(node, login, { timeout: within, signal: world.signal });
  } catch (error) {
    world.signal.throwIfAborted();
    return { layers: [{ layer: "sshd", ok: false, why: messageOf(error) }], extra: undefined };
  }
  try {
    const [layers, extra] = await Promise.all([
      probeOver(connection),
      besides?.(connection).catch(() => undefined),
    ]);
    return { layers, extra };
  } finally {
    // Not awaited by the caller's clock: a dead node would hold the report up.
    void connection.end();
  }
}

/** The layers of the node behind an open connection. */
async function probeOver(connection: SshConnection): Promise<readonly LayerState[]> {
  const [applied, ...rest] = await Promise.all([
    judge("cloud-config", () => checkCloudConfig(connection)),
    judge("etcd", () => checkEtcd(connection)),
    judge("docker", () => checkDocker(connection)),
    judge("fleet", () => checkFleet(connection)),
  ]);
  return [{ layer: "sshd", ok: true }, applied, ...rest];
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

async function checkCloudConfig(connection: SshConnection): Promise<string | undefined> {
  let text = "";
  const stdout = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      text += chunk.toString();
      done();
    },
  });
  const code = await connection.exec(`cat ${cloudConfigResult}`, {
    stdout,
    signal: AbortSignal.timeout(within),
  });
  if (code !== 0) return "not applied yet";
  const result = JSON.parse(text) as { ok?: boolean; error?: { message?: string } };
  return result.ok === true ? undefined : (result.error?.message ?? "it could not be applied");
}

async function checkEtcd(connection: SshConnection): Promise<string | undefined> {
  const answer = await getOver(await connection.openTcp("127.0.0.1", 2379), "/health", within);
  const { health, reason } = JSON.parse(answer.body) as { health?: string | boolean; reason?: string };
  return String(health) === "true" ? undefined : reason === undefined || reason === "" ? "unhealthy" : reason;
}

async function checkDocker(connection: SshConnection): Promise<string | undefined> {
  const answer = await getOver(await connection.openUnix("/run/docker.sock"), "/_ping", within);
  return answer.status === 200 ? undefined : `docker answers ${answer.status}`;
}

async function checkFleet(connection: SshConnection): Promise<string | undefined> {
  const answer = await getOver(await connection.openUnix("/run/fleet.sock"), "/fleet/v1/machines", within);
  return answer.status === 200 ? undefined : `fleet answers ${answer.status}`;
}
