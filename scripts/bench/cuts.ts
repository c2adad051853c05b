import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type BenchCluster, nodes } from "./cluster.ts";
import { measure, median, type Measure } from "./measure.ts";

interface Report {
  readonly runs: readonly {
    readonly outcome: string;
    readonly units: readonly { readonly recoveries: readonly { readonly took?: number }[] }[];
  }[];
}

type Run = Report["runs"][number];

/** Power cuts of the machine that leads etcd, of one that does not, and of hello.service's, and what became of its units. */
export async function powerCuts(cluster: BenchCluster, runs: number): Promise<Measure[]> {
  const leader = await played(cluster, "cut-etcd-leader", runs);
  const follower: Run[] = [];
  while (follower.length < runs) follower.push(...(await played(cluster, await followersCut(cluster), 1)));
  const hello = await played(cluster, "cut-hello", Math.min(runs, 5));
  const all = "sleeper-1.service sleeper-2.service sleeper-3.service hello.service";
  await cluster.on("core-01", `fleetctl destroy ${all}`);
  return [
    ...measuresOf("power cut of the machine that leads etcd", leader, 6.5),
    ...measuresOf("power cut of one that does not", follower, 5),
    ...measuresOf("power cut of hello.service's machine", hello),
  ];
}

async function played(cluster: BenchCluster, scenario: string, times: number): Promise<readonly Run[]> {
  const file = join(cluster.dir, `${scenario}.json`);
  // Its exit code is that of the verdict: what was measured is of interest whatever that says.
  await cluster.run("test", scenario, "--repeat", String(times), "--report-json", file).catch(() => "");
  return (JSON.parse(await readFile(file, "utf8")) as Report).runs;
}

/** The scenario that cuts the power of a machine that follows in etcd and runs some of the units. */
async function followersCut(cluster: BenchCluster): Promise<string> {
  const members = await cluster.on("core-01", "ETCDCTL_API=2 etcdctl member list");
  const leader = /name=(\S+) .*isLeader=true/.exec(members)?.[1];
  for (const node of nodes.filter((each) => each !== leader)) {
    const units = await cluster.on(
      node,
      "systemctl list-units --no-legend --plain --state=active 'sleeper-*'",
    );
    if (units.trim() !== "") return `cut-${node}`;
  }
  throw new Error(`all units run on ${leader}, which leads etcd`);
}

function measuresOf(name: string, runs: readonly Run[], most?: number): Measure[] {
  const took = runs.flatMap(({ units }) =>
    units.flatMap(({ recoveries }) => recoveries.flatMap((each) => each.took ?? [])),
  );
  const slowest = `${name}: slowest of ${took.length} units in ${runs.length} runs`;
  const bad = runs.filter(({ outcome }) => outcome !== "pass").length;
  return [
    measure(slowest, Math.max(...took) / 1_000, "s", most === undefined ? undefined : { most }),
    measure(`${name}: median`, median(took) / 1_000, "s"),
    measure(`${name}: runs that did not pass`, bad, "", { most: 0 }),
  ];
}
