import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { BenchCluster } from "./cluster.ts";
import { powerCuts } from "./cuts.ts";
import { measure, median, type Measure } from "./measure.ts";
import { disturbances } from "./trouble.ts";
import { watchEvents, type Watch } from "./watch.ts";

/** How long a node may take for anything, ms: then the benchmark gives up. */
const patience = 120_000;

export interface NodesOptions {
  /** Power cuts of each kind; 0 for none. */
  readonly cuts: number;
  /** How long every processor is kept busy; 0 leaves out whatever must disturb no unit. */
  readonly minutes: number;
  readonly tell: (measures: readonly Measure[]) => void;
}

/** Everything that is measured on nodes, in this order. `tell` gets each measure as it is there. */
export async function measureNodes(
  cluster: BenchCluster,
  { cuts, minutes, tell }: NodesOptions,
): Promise<void> {
  const began = performance.now();
  await cluster.run("up");
  tell([measure("three nodes up", (performance.now() - began) / 1_000, "s")]);
  const unit = await readFile(join(cluster.dir, "unit"), "utf8");
  const encoded = Buffer.from(unit).toString("base64");
  await cluster.on("core-01", `echo ${encoded} | base64 -d | tee one@.service many@.service > few@.service`);
  await cluster.on("core-01", "fleetctl submit one@.service few@.service many@.service");
  tell(await startOne(cluster));
  tell(await watched(cluster, (watch) => gracefulStop(cluster, watch)));
  tell(
    await watched(cluster, async (watch) => [
      ...(await startMany(cluster, watch, 300, 3)),
      ...(await destroyMany(cluster, watch, 300)),
    ]),
  );
  if (cuts > 0) tell(await powerCuts(cluster, cuts));
  if (minutes > 0) await disturbances(cluster, minutes, tell);
  tell(await watched(cluster, (watch) => startMany(cluster, watch, 1_000, 8)));
  tell(await atRest(cluster));
  tell(await watched(cluster, (watch) => loseOne(cluster, watch)));
}

/** Each part has an event stream of its own: a power cut ends the one before. */
async function watched(
  cluster: BenchCluster,
  work: (watch: Watch) => Promise<readonly Measure[]>,
): Promise<readonly Measure[]> {
  const watch = await watchEvents(cluster, "core-01");
  try {
    return await work(watch);
  } finally {
    await watch.stop();
  }
}

/** Runs a command line on core-01 some times; how long each took there, ms. */
async function timesOf(
  cluster: BenchCluster,
  runs: number,
  command: string,
  after = "true",
): Promise<number[]> {
  const loop = `for i in $(seq ${runs}); do s=$(date +%s%N); ${command} >/dev/null 2>&1 || exit 1; e=$(date +%s%N); echo $(((e-s)/1000)); ${after} >/dev/null 2>&1; done`;
  const output = await cluster.on("core-01", loop);
  return output
    .trim()
    .split("\n")
    .map((line) => Number(line) / 1_000);
}

async function startOne(cluster: BenchCluster): Promise<Measure[]> {
  const times = await timesOf(
    cluster,
    10,
    "fleetctl start one@$i.service",
    "fleetctl destroy one@$i.service",
  );
  return [
    measure("blocking start of one unit, median of 10", median(times) / 1_000, "s", { most: 0.25 }),
    measure("blocking start of one unit, slowest of 10", Math.max(...times) / 1_000, "s"),
  ];
}

/** From the moment of the command until the units of the node that leaves are active elsewhere. */
async function gracefulStop(cluster: BenchCluster, watch: Watch): Promise<Measure[]> {
  const count = 30;
  await cluster.on("core-01", `fleetctl start few@{1..${count}}.service`);
  const before = await watch.until("few units are active", isActive("few@", count), patience);
  const machine = (await cluster.on("core-02", "cat /etc/machine-id")).trim();
  let asked = before;
  const stop = cluster.lines("core-02", "echo now; sudo systemctl stop fleet", (_, at) => (asked = at));
  await watch.until(
    "core-02 has given up its units",
    ({ machineOf }) => ![...machineOf.values()].includes(machine),
    patience,
  );
  const done = await watch.until("they are active elsewhere", isActive("few@", count), patience);
  await stop.stop();
  await cluster.on("core-02", "sudo systemctl start fleet");
  await cluster.on("core-01", `fleetctl destroy few@{1..${count}}.service`);
  return [
    measure("graceful stop of a node, its 10 of 30 units run elsewhere", (done - asked) / 1_000, "s", {
      most: 1,
    }),
  ];
}

/** From the moment of the command until the last is active. */
async function startMany(
  cluster: BenchCluster,
  watch: Watch,
  count: number,
  most: number,
): Promise<Measure[]> {
  let asked = performance.now();
  let returned = asked;
  const command = `echo now; fleetctl start many@{1..${count}}.service >/dev/null && echo done`;
  const ended = Promise.withResolvers<void>();
  const start = cluster.lines("core-01", command, (line, at) => {
    if (line === "now") asked = at;
    returned = at;
    if (line === "done") ended.resolve();
  });
  const active = await watch.until(`${count} units are active`, isActive("many@", count), patience);
  await ended.promise;
  await start.stop();
  return [
    measure(`${count.toLocaleString("en-US")} units started, all active`, (active - asked) / 1_000, "s", {
      most,
    }),
    measure(`${count.toLocaleString("en-US")} units: the command returned`, (returned - asked) / 1_000, "s"),
  ];
}

async function destroyMany(cluster: BenchCluster, watch: Watch, count: number): Promise<Measure[]> {
  const began = performance.now();
  await cluster.on("core-01", `fleetctl destroy many@{1..${count}}.service`);
  const gone = await watch.until("all are gone", ({ machineOf }) => machineOf.size === 0, patience);
  return [measure(`${count} units destroyed`, (gone - began) / 1_000, "s")];
}

/** Nothing happens, and 1,000 units are there. */
async function atRest(cluster: BenchCluster): Promise<Measure[]> {
  const times = await timesOf(cluster, 10, "fleetctl list-units");
  // Until what was measured before has died away.
  await new Promise((resolve) => setTimeout(resolve, 15_000));
  const before = await metricsOf(cluster, "core-01");
  await new Promise((resolve) => setTimeout(resolve, 20_000));
  const after = await metricsOf(cluster, "core-01");
  const cpu = (metrics: Metrics): number => metrics.get("process_cpu_seconds_total") ?? Number.NaN;
  const mega = (name: string): number => (after.get(name) ?? Number.NaN) / 1_048_576;
  return [
    measure("list-units at 1,000 units, median of 10", median(times) / 1_000, "s", { most: 0.2 }),
    measure("fleetd at rest: processor", ((cpu(after) - cpu(before)) / 20) * 100, "%", { most: 1 }),
    measure("fleetd with 333 units on its node: resident", mega("process_resident_memory_bytes"), "MiB", {
      most: 100,
    }),
    measure("  of it JavaScript objects", mega("nodejs_heap_used_bytes"), "MiB"),
    measure("  of it buffers", mega("nodejs_external_memory_bytes"), "MiB"),
  ];
}

type Metrics = ReadonlyMap<string, number>;

async function metricsOf(cluster: BenchCluster, node: string): Promise<Metrics> {
  const text = await cluster.on(node, "curl -s --unix-socket /run/fleet.sock http://fleet/metrics");
  const lines = text.split("\n").filter((line) => !line.startsWith("#"));
  return new Map(lines.map((line) => [line.split(" ")[0] ?? "", Number(line.split(" ")[1])]));
}

/** From the victim's last sign of life until its units are active elsewhere. */
async function loseOne(cluster: BenchCluster, watch: Watch): Promise<Measure[]> {
  const machine = (await cluster.on("core-03", "cat /etc/machine-id")).trim();
  let alive = performance.now();
  const pulse = cluster.lines("core-03", "while echo alive; do sleep 0.02; done", (_, at) => (alive = at));
  let units = 0;
  await watch.until(
    "all are active",
    ({ machineOf }) => {
      units = [...machineOf.values()].filter((id) => id === machine).length;
      return isActive("many@", 1_000)({ machineOf });
    },
    patience,
  );
  await cluster.run("kill", "core-03");
  const away = watch.until(
    "they are active elsewhere",
    ({ machineOf }) => {
      return ![...machineOf.values()].includes(machine) && isActive("many@", 1_000)({ machineOf });
    },
    patience,
  );
  const back = await away;
  await pulse.stop();
  return [
    measure(
      `one node of three lost at 1,000 units, its ${units} active elsewhere`,
      (back - alive) / 1_000,
      "s",
      { most: 8 },
    ),
  ];
}

function isActive(
  prefix: string,
  count: number,
): (active: { readonly machineOf: ReadonlyMap<string, string> }) => boolean {
  return ({ machineOf }) => [...machineOf.keys()].filter((unit) => unit.startsWith(prefix)).length >= count;
}
