import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock, waitFor } from "../../src/foundation/clock.ts";
import { freePorts } from "./ports.ts";

/** One real etcd process on loopback. */
export interface EtcdMember {
  readonly name: string;
  /** Client URL. */
  readonly url: string;
  readonly running: boolean;
  /** kill -9. */
  kill(): Promise<void>;
  /** Starts it again with the data that it had. */
  start(): void;
  /** Removes the data of a member that is dead. */
  wipe(): Promise<void>;
  /** SIGSTOP: connections stay open, nothing answers. */
  freeze(): void;
  thaw(): void;
}

export interface EtcdCluster {
  readonly members: readonly EtcdMember[];
  readonly endpoints: readonly string[];
  /** The member that leads; asked of those that run. */
  leader(): Promise<EtcdMember>;
  /** Calls etcd's JSON gateway, e.g. `lease/revoke`. */
  call(path: string, body: object): Promise<unknown>;
  /** Ends all members and removes their data. */
  stop(): Promise<void>;
}

interface Ports {
  readonly name: string;
  readonly client: number;
  readonly peer: number;
}

/** PEM files by which members and clients show each other who they are. */
export interface EtcdCertificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** Whether clients must show a certificate of the same authority. */
  readonly clients: boolean;
}

/** Starts `count` members as Flotilla's nodes have them and waits until one leads. */
export async function startEtcdCluster(count: number, tls?: EtcdCertificates): Promise<EtcdCluster> {
  const folder = await mkdtemp(join(tmpdir(), "flotilla-etcd-"));
  const free = await freePorts(count * 2);
  const ports = Array.from({ length: count }, (_, index): Ports => {
    return { name: `m${index + 1}`, client: free[index * 2] ?? 0, peer: free[index * 2 + 1] ?? 0 };
  });
  const members = ports.map((own) =>
    member(own, { args: argumentsFor({ own, ports, folder, tls }), data: join(folder, own.name), tls }),
  );
  for (const each of members) each.start();
  const cluster: EtcdCluster = {
    members,
    endpoints: members.map(({ url }) => url),
    leader: () => leaderOf(members),
    call: (path, body) => post(members[0]?.url ?? "", path, body),
    stop: async () => {
      await Promise.all(members.map((each) => each.kill()));
      await rm(folder, { recursive: true, force: true });
    },
  };
  // Its gateway would need a certificate of ours as well; clients wait for it themselves.
  if (tls === undefined) await cluster.leader();
  return cluster;
}

interface Setting {
  readonly own: Ports;
  readonly ports: readonly Ports[];
  readonly folder: string;
  readonly tls: EtcdCertificates | undefined;
}

function argumentsFor({ own: { name, client, peer }, ports, folder, tls }: Setting): string[] {
  const scheme = tls === undefined ? "http" : "https";
  const initial = ports.map((each) => `${each.name}=http://127.0.0.1:${each.peer}`).join(",");
  return [
    `--name=${name}`,
    `--data-dir=${join(folder, name)}`,
    `--listen-client-urls=${scheme}://127.0.0.1:${client}`,
    `--advertise-client-urls=${scheme}://127.0.0.1:${client}`,
    `--listen-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-cluster=${initial}`,
    "--initial-cluster-state=new",
    "--enable-v2=true",
    "--grpc-keepalive-min-time=1s",
    "--heartbeat-interval=100",
    "--election-timeout=500",
    "--log-level=error",
    ...(tls === undefined ? [] : [`--cert-file=${tls.cert}`, `--key-file=${tls.key}`]),
    ...(tls?.clients === true ? ["--client-cert-auth", `--trusted-ca-file=${tls.ca}`] : []),
  ];
}

function member(
  { name, client }: Ports,
  {
    args,
    data,
    tls,
  }: {
    readonly args: readonly string[];
    readonly data: string;
    readonly tls: EtcdCertificates | undefined;
  },
): EtcdMember {
  let child: ChildProcess | undefined;
  return {
    name,
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${client}`,
    get running() {
      return child !== undefined;
    },
    start: () => {
      child ??= spawn("etcd", args, { stdio: "ignore" });
    },
    kill: async () => {
      const dying = child;
      child = undefined;
      if (dying === undefined || dying.exitCode !== null) return;
      const gone = once(dying, "exit");
      dying.kill("SIGKILL");
      await gone;
    },
    wipe: () => rm(data, { recursive: true, force: true }),
    freeze: () => void child?.kill("SIGSTOP"),
    thaw: () => void child?.kill("SIGCONT"),
  };
}

async function leaderOf(members: readonly EtcdMember[]): Promise<EtcdMember> {
  const found = await waitFor(() => lookForLeader(members), {
    clock: systemClock(),
    every: 50,
    within: 20_000,
  });
  if (found === undefined) throw new Error("no etcd member leads after 20 s");
  return found;
}

/** The leader, once every running member agrees on it. */
async function lookForLeader(members: readonly EtcdMember[]): Promise<EtcdMember | undefined> {
  const running = members.filter((each) => each.running);
  const answers = await Promise.all(
    running.map(async (each) => {
      const status = await post(each.url, "maintenance/status", {}).catch(() => undefined);
      return { member: each, status: status as Status | undefined };
    }),
  );
  const leaders = new Set(answers.map(({ status }) => status?.leader));
  const [leader] = leaders;
  if (leaders.size !== 1 || leader === undefined || leader === "0") return undefined;
  return answers.find(({ status }) => status?.header.member_id === leader)?.member;
}

interface Status {
  readonly header: { readonly member_id: string };
  readonly leader?: string;
}

async function post(url: string, path: string, body: object): Promise<unknown> {
  const signal = AbortSignal.timeout(2_000);
  const response = await fetch(`${url}/v3/${path}`, { method: "POST", body: JSON.stringify(body), signal });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}
