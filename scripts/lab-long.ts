// make lab-long: what takes long. A line for each part as it ends, all of it as JSON; exits 1 when a part did not pass.
//   node scripts/lab-long.ts [PART…] [--times N] [--seconds N] [--seed N]
// PART: node-kill, power-outage, soak, controller-kill (these when none is named), or any other scenario of clusters/lab.
// --times N: of scenarios (30), of controller-kill (100). --seconds N: of soak (3600).
// Only in a network namespace of its own: see scripts/lab-long.sh.
import { readdir, stat, writeFile } from "node:fs/promises";
import { cpus, release } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { labCluster, type LabCluster } from "./lab/cluster.ts";
import { killControllers } from "./lab/controller-kill.ts";
import { faultTimes, readReport, recoveriesOf, type Report, spreadOf } from "./lab/report.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    times: { type: "string" },
    seconds: { type: "string", default: "3600" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    json: { type: "string", default: resolve(import.meta.dirname, "../dist/lab-long.json") },
  },
});

interface Part {
  readonly part: string;
  readonly passed: number;
  readonly of: number;
  /** What it took in all. */
  readonly seconds: number;
  readonly [detail: string]: unknown;
}

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
const seed = Number(values.seed);
const dist = resolve(import.meta.dirname, "../dist");

/** A scenario so often. */
async function repeated(scenario: string, times: number): Promise<Omit<Part, "seconds">> {
  await using cluster = await labCluster(true, stop.signal);
  return await played(scenario, ["--repeat", String(times)], times, cluster);
}

/** The example's soak, lengthened. */
async function soak(seconds: number): Promise<Omit<Part, "seconds">> {
  await using cluster = await labCluster(true, stop.signal);
  await cluster.lengthenSoak(seconds);
  return await played("soak", [], 1, cluster);
}

async function played(
  scenario: string,
  more: readonly string[],
  times: number,
  cluster: LabCluster,
): Promise<Omit<Part, "seconds">> {
  const [json, html] = [`${dist}/lab-long-${scenario}.json`, `${dist}/lab-long-${scenario}.html`];
  const reports = ["--report-json", json, "--report-html", html];
  await cluster.run(["test", scenario, ...more, "--seed", values.seed, ...reports], true);
  const report: Report = (await readReport(json)) ?? { runs: [] };
  const failed = report.runs.filter(({ outcome }) => outcome !== "pass");
  return {
    part: scenario,
    passed: report.runs.length - failed.length,
    of: times,
    reasons: failed.flatMap(({ outcome, reasons }) => reasons.map((reason) => `${outcome}: ${reason}`)),
    awaySeconds: spreadOf(recoveriesOf(report)),
    partitionAppliedMs: spreadOf(ofPartitions(faultTimes(report, "active"))),
    partitionHealedMs: spreadOf(ofPartitions(faultTimes(report, "healed"))),
    faults: [...faultTimes(report, "active").values()].flat().length,
    htmlBytes: (await stat(html).catch(() => undefined))?.size,
  };
}

function ofPartitions(times: ReadonlyMap<string, readonly number[]>): number[] {
  return [...times].flatMap(([fault, each]) => (fault.startsWith("partition") ? each : []));
}

async function controllerKill(times: number): Promise<Omit<Part, "seconds">> {
  await using cluster = await labCluster(false, stop.signal);
  const rounds = await killControllers(cluster, { seed, times, stop: stop.signal });
  return {
    part: "controller-kill",
    passed: rounds.filter(({ ok }) => ok).length,
    of: times,
    lateMs: spreadOf(rounds.flatMap(({ late }) => late ?? [])),
    rounds,
  };
}

const count = (usual: number): number => (values.times === undefined ? usual : Number(values.times));
const parts: Readonly<Record<string, () => Promise<Omit<Part, "seconds">>>> = {
  "node-kill": () => repeated("node-kill", count(30)),
  "power-outage": () => repeated("power-outage", count(30)),
  soak: () => soak(Number(values.seconds)),
  "controller-kill": () => controllerKill(count(100)),
};

const chosen = positionals.length === 0 ? Object.keys(parts) : positionals;
const library = await readdir(resolve(import.meta.dirname, "../clusters/lab/scenarios"));
const unknown = chosen.filter((name) => parts[name] === undefined && !library.includes(`${name}.yaml`));
if (unknown.length > 0)
  throw new Error(`no part is called ${unknown.join(", ")}: ${Object.keys(parts).join(", ")}`);

process.stdout.write(`seed ${seed}\n`);
const done: Part[] = [];
for (const name of chosen) {
  if (stop.signal.aborted) break;
  const begun = performance.now();
  const part = await (parts[name]?.() ?? repeated(name, count(30)));
  done.push({ ...part, seconds: Math.round((performance.now() - begun) / 1_000) } as Part);
  await writeReport();
}
for (const { part, passed, of, seconds, rounds: _rounds, ...details } of done) {
  process.stdout.write(`\n${part}: ${passed} of ${of} pass, ${seconds} s\n`);
  for (const [name, detail] of Object.entries(details))
    process.stdout.write(`  ${name}: ${JSON.stringify(detail)}\n`);
}
const whole = done.length === chosen.length && done.every(({ passed, of }) => passed === of);
process.exitCode = whole ? 0 : 1;

async function writeReport(): Promise<void> {
  const machine = { processors: cpus().length, model: cpus()[0]?.model ?? "unknown", kernel: release() };
  const report = { v: 1, at: new Date().toISOString(), machine, seed, parts: done };
  await writeFile(values.json, `${JSON.stringify(report, undefined, 2)}\n`);
}
