import { AppError } from "../../foundation/errors.ts";
import type { Command } from "../command.ts";
import { reportFiles, reportOptions } from "../report-options.ts";

const verify: Command = {
  name: "verify",
  summary: "compute the verdict of recorded runs anew",
  description:
    "Reads histories (.state/history/*.ndjson) or JSON reports and judges what was recorded, without looking at any verdict that " +
    "is written there. Needs no cluster.",
  args: [{ name: "FILE", summary: "histories or JSON reports", required: true, many: true }],
  options: reportOptions,
  examples: [
    { command: "cluster report verify r.json", meaning: "exits 0 pass, 1 fail, 8 inconclusive" },
    {
      command: "cluster report verify run.ndjson --report-html run.html",
      meaning: "the page, from the record",
    },
  ],
  run: async (context, input) => {
    const path = await import("node:path");
    const { readFile } = await import("node:fs/promises");
    const { readRuns, saidOutcomes } = await import("../../failover/report/read.ts");
    const { exitCodeOf } = await import("../../failover/report/finished.ts");
    const { writeReports } = await import("../../failover/report/write.ts");
    const runs = [];
    const lines: string[] = [];
    for (const file of input.args) {
      const text = await readFile(path.resolve(context.io.cwd, file), "utf8").catch((error: unknown) => {
        throw new AppError("E_USAGE", `there is no file ${file} that can be read`, { cause: error });
      });
      const said = saidOutcomes(text);
      for (const [index, run] of readRuns(text, file).entries()) {
        const { outcome, reasons } = run.verdict;
        const before = said?.[index];
        const doubt = before === undefined || before === outcome ? "" : ` (the report says ${before})`;
        lines.push(`${run.scenario} (seed ${run.seed}): ${outcome}${doubt}`);
        lines.push(...reasons.map((reason) => `  ${reason}`));
        runs.push(run);
      }
    }
    await writeReports(runs, reportFiles(context, input));
    context.result(`${lines.join("\n")}\n`, {
      v: 1,
      runs: runs.map(({ scenario, seed, verdict }) => ({ scenario, seed, ...verdict })),
    });
    return exitCodeOf(runs);
  },
};

export const report: Command = {
  name: "report",
  summary: "reports of scenarios: verify",
  args: [],
  options: [],
  examples: [],
  subcommands: [verify],
  run: () => Promise.resolve(0),
};
