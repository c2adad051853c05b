import { spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { type BenchCluster, nodes } from "./cluster.ts";
import { measure, type Measure } from "./measure.ts";

const few = 30;

/**
 * What must disturb no unit: killed leaders, a frozen etcd, frozen machines, a busy host. Counts the units that were
 * started, stopped or moved, and how long the cluster took to take orders again.
 * @param minutes how long every processor is kept busy
 */
export async function disturbances(
  cluster: BenchCluster,
  minutes: number,
  tell: (measures: readonly Measure[]) => void,
): Promise<void> {
  await cluster.on("core-01", `fleetctl start few@{1..${few}}.service`);
  const touched = async (work: () => Promise<number>): Promise<{ took: number; units: number }> => {
    const before = await runsOf(cluster);
    const took = await work();
    const after = await runsOf(cluster);
    const lines = [...before, ...after];
    return { took, units: new Set(lines.filter((line) => !before.has(line) || !after.has(line))).size };
  };
  const report = async (
    what: string,
    then: string,
    most: number,
    work: () => Promise<number>,
  ): Promise<void> => {
    const { took, units } = await touched(work);
    tell([
      measure(`${what}: units touched`, units, "", { most: 0 }),
      measure(`${what}: ${then}`, took / 1_000, "s", { most }),
    ]);
  };
  await report("engine's leader killed", "decides again", 5, () => killEngine(cluster));
  await report("etcd's leader killed", "takes orders again", 2, () => killEtcd(cluster));
  await report("all of etcd frozen for 45 s", "takes orders again", 2, () => freezeEtcd(cluster, 45_000));
  await report("all machines frozen for 60 s", "all listed again", 10, () => freezeMachines(cluster, 60_000));
  const busy = await touched(() => keepBusy(cluster, minutes * 60_000));
  tell([
    measure(`every processor busy for ${minutes} min: units touched`, busy.units, "", { most: 0 }),
    measure("  machines that lost their lease meanwhile", busy.took, "", { most: 0 }),
  ]);
  await cluster.on("core-01", `fleetctl destroy few@{1..${few}}.service`);
}

/** Each running unit with its place and systemd's id of this run, which changes with every start. */
async function runsOf(cluster: BenchCluster): Promise<ReadonlySet<string>> {
  const each = await Promise.all(
    nodes.map(async (node) => {
      const text = await cluster.on(
        node,
        "systemctl show --state=active --property=Id,InvocationID 'few@*.service'",
      );
      return text.split("\n\n").map((unit) => `${node} ${unit.trim().split("\n").toSorted().join(" ")}`);
    }),
  );
  return new Set(each.flat().filter((line) => line.includes("Id=few@")));
}

async function killEngine(cluster: BenchCluster): Promise<number> {
  const leading = await Promise.all(
    nodes.map((node) =>
      cluster.on(
        node,
        "curl -s --unix-socket /run/fleet.sock http://fleet/metrics | grep '^fleet_engine_leading'",
      ),
    ),
  );
  const leader = nodes[leading.findIndex((line) => line.trim().endsWith(" 1"))];
  if (leader === undefined) throw new Error("no engine leads");
  const other = nodes.find((node) => node !== leader) ?? leader;
  await cluster.on(leader, "sudo pkill -KILL -x fleetd");
  const began = performance.now();
  await cluster.on(other, "fleetctl start one@after.service");
  const took = performance.now() - began;
  await cluster.on(other, "fleetctl destroy one@after.service");
  return took;
}

async function killEtcd(cluster: BenchCluster): Promise<number> {
  const urls = nodes.map((_, at) => `http://core-0${at + 1}:2379`).join(",");
  const status = await cluster.on("core-01", `ETCDCTL_API=3 etcdctl --endpoints=${urls} endpoint status`);
  const at = status.split("\n").findIndex((line) => line.split(", ")[4] === "true");
  const leader = nodes[at];
  if (leader === undefined) throw new Error(`etcd names no leader:\n${status}`);
  const other = nodes.find((node) => node !== leader) ?? leader;
  return await untilWritable(cluster, other, () => cluster.on(leader, "sudo pkill -KILL -x etcd"));
}

async function freezeEtcd(cluster: BenchCluster, ms: number): Promise<number> {
  await Promise.all(nodes.map((node) => cluster.on(node, "sudo pkill -STOP -x etcd")));
  await pause(ms);
  const took = await untilWritable(cluster, "core-01", () =>
    Promise.all(nodes.map((node) => cluster.on(node, "sudo pkill -CONT -x etcd"))),
  );
  // Whoever would wrongly be believed gone would be so within two leases.
  await pause(10_000);
  return took;
}

async function freezeMachines(cluster: BenchCluster, ms: number): Promise<number> {
  await cluster.run("fault", "inject", "freeze", "all", "--ttl", `${ms / 1_000 + 60}s`);
  await pause(ms);
  const began = performance.now();
  await cluster.run("fault", "heal");
  await cluster.on(
    "core-01",
    "until [ $(fleetctl list-machines --no-legend | wc -l) = 3 ]; do sleep 0.1; done",
  );
  const took = performance.now() - began;
  await pause(10_000);
  return took;
}

/** How many leases were lost. */
async function keepBusy(cluster: BenchCluster, ms: number): Promise<number> {
  const before = await lostLeases(cluster);
  const hogs = Array.from({ length: availableParallelism() }, () =>
    spawn(process.execPath, ["-e", `const end = Date.now() + ${ms}; while (Date.now() < end);`]),
  );
  await Promise.all(hogs.map((hog) => once(hog, "exit")));
  return (await lostLeases(cluster)) - before;
}

async function lostLeases(cluster: BenchCluster): Promise<number> {
  const texts = await Promise.all(
    nodes.map((node) =>
      cluster.on(
        node,
        "curl -s --unix-socket /run/fleet.sock http://fleet/metrics | grep '^fleet_sessions_lost_total'",
      ),
    ),
  );
  return texts.reduce((sum, text) => sum + Number(text.trim().split(" ").at(-1)), 0);
}

/** How long after `work` the first order is carried out that was given after it, ms. */
async function untilWritable(
  cluster: BenchCluster,
  node: string,
  work: () => Promise<unknown>,
): Promise<number> {
  const body = `[{\\"op\\":\\"add\\",\\"path\\":\\"/$(cat /etc/machine-id)/metadata/beat\\",\\"value\\":\\"$i\\"}]`;
  const order = `curl -sf --max-time 1 -X PATCH -H content-type:application/json --unix-socket /run/fleet.sock -d "${body}" http://fleet/fleet/v1/machines`;
  const loop = `i=0; while :; do i=$((i+1)); asked=$(date +%s%N); ${order} && echo $asked $(date +%s%N); sleep 0.02; done`;
  let done = 0;
  const first = Promise.withResolvers<number>();
  const orders = cluster.lines(node, loop, (line) => {
    const [asked = 0, carriedOut = 0] = line.split(" ").map((text) => Number(text) / 1e6);
    if (done > 0 && asked > done) first.resolve(carriedOut - done);
  });
  await work();
  // A node has the host's clock.
  done = Date.now();
  const late = setTimeout(() => first.reject(new Error("no order was carried out for a minute")), 60_000);
  try {
    return await first.promise;
  } finally {
    clearTimeout(late);
    await orders.stop();
  }
}
