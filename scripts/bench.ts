// make bench: measures fleet on three nodes, and its engine alone. A table as it goes, all of it as JSON at the end.
//   node scripts/bench.ts [--runs N] [--minutes M] [--engine-only] [--json FILE]
// --runs N: how many power cuts of each kind (3; 0 for none). --minutes M: how long every processor is kept busy while
// nothing may be moved (1; 0 leaves that, killed leaders and frozen machines out). Only in a network of its own: see the Makefile.
import { mkdir, writeFile } from "node:fs/promises";
import { cpus, release } from "node:os";
import { dirname, resolve } from "node:path";
import { parseArgs } from "node:util";
import { benchCluster } from "./bench/cluster.ts";
import { engineInput, measureEngine } from "./bench/engine.ts";
import { isMet, type Measure, showMeasures } from "./bench/measure.ts";
import { measureNodes } from "./bench/nodes.ts";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "3" },
    minutes: { type: "string", default: "1" },
    "engine-only": { type: "boolean", default: false },
    json: { type: "string", default: resolve(import.meta.dirname, "../dist/bench.json") },
  },
});

const all: Measure[] = [];
const tell = (measures: readonly Measure[]): void => {
  all.push(...measures);
  process.stdout.write(showMeasures(measures));
};

tell(measureEngine());
let failure: unknown;
if (!values["engine-only"]) {
  const cluster = await benchCluster();
  const interrupted = Promise.withResolvers<never>();
  // More than once: who started us may pass on a signal that we have got already, and the nodes must still be ended.
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => interrupted.reject(new Error(`stopped by ${signal}`)));
  }
  try {
    await Promise.race([
      measureNodes(cluster, { cuts: Number(values.runs), minutes: Number(values.minutes), tell }),
      interrupted.promise,
    ]);
  } catch (error) {
    failure = error;
  } finally {
    await cluster.destroy();
  }
}

const model = cpus()[0]?.model ?? "unknown";
const machine = { processors: cpus().length, model, kernel: release(), node: process.version };
await mkdir(dirname(values.json), { recursive: true });
const report = {
  v: 1,
  at: new Date().toISOString(),
  machine,
  engineInput,
  complete: failure === undefined,
  measures: all,
};
await writeFile(values.json, `${JSON.stringify(report, undefined, 2)}\n`);
const missed = all.filter((each) => isMet(each) === false).length;
process.stdout.write(`\n${all.length} numbers, ${missed} missed what they aim at; ${values.json}\n`);
if (failure !== undefined) throw failure;
