// npm run fuzz [-- --inputs N] [--seed S]: hostile inputs for everything that strangers can send to fleet; 100,000 unless
// told. A failure shows the smallest input that does it, and the seed that finds it again.
import { parseArgs } from "node:util";
import { fuzzTargets } from "../test/support/fuzz.ts";

const { values } = parseArgs({
  options: { inputs: { type: "string", default: "100000" }, seed: { type: "string" } },
});
const seed = values.seed === undefined ? undefined : Number(values.seed);

for (const target of fuzzTargets) {
  const { name, share } = target;
  const inputs = Math.ceil(Number(values.inputs) * share);
  const began = performance.now();
  await target.run(inputs, seed);
  const took = ((performance.now() - began) / 1_000).toFixed(1);
  process.stdout.write(`${inputs.toLocaleString("en-US").padStart(8)} inputs in ${took} s: ${name}\n`);
}
