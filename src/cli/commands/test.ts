import { AppError } from "../../foundation/errors.ts";
import { valueOf, type Command, type Input } from "../command.ts";
import { reportFiles, reportOptions } from "../report-options.ts";

export const test: Command = {
  name: "test",
  summary: "play scenarios: break machines, and judge whether every service came back",
  args: [
    {
      name: "SCENARIO",
      summary: "names in the cluster's scenarios folder, or files",
      required: true,
      many: true,
      completes: "scenario",
    },
  ],
  options: [
    { name: "--repeat", value: "N", summary: "play each so often (1)" },
    {
      name: "--slower",
      value: "N",
      summary: "for slow machines: every time in the scenario is N times as long (1)",
    },
    { name: "--seed", value: "S", summary: "for what is drawn by lot (else new each time, and printed)" },
    ...reportOptions,
  ],
  examples: [
    { command: "cluster test node-kill power-outage", meaning: "exits 0 pass, 1 fail, 8 inconclusive" },
    {
      command: "cluster test node-kill --slower 5",
      meaning: "on virtual machines, which need longer than containers",
    },
    {
      command: "cluster test node-kill --repeat 10 --report-html r.html",
      meaning: "with the spread of times, and a picture of each run",
    },
  ],
  run: async (context, input) => {
    const { runTests } = await import("../../failover/lab.ts");
    const { exitCodeOf } = await import("../../failover/report/finished.ts");
    const world = await context.world();
    const seed = numberOf(input, "--seed") ?? world.clock.now() % 1_000_000;
    const tell = (line: string): void =>
      context.json
        ? context.emit({ kind: "note", message: line })
        : void context.io.stdout.write(`${line}\n`);
    const runs = await runTests(world, {
      dir: await context.clusterDir(),
      scenarios: input.args,
      repeat: numberOf(input, "--repeat") ?? 1,
      slower: numberOf(input, "--slower") ?? 1,
      seed,
      reports: reportFiles(context, input),
      tell,
    });
    return exitCodeOf(runs);
  },
};

function numberOf(input: Input, option: string): number | undefined {
  const text = valueOf(input, option);
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new AppError("E_USAGE", `${option}: "${text}" is not a positive whole number`);
}
