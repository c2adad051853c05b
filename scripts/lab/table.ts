// The table of a report of 'cluster test': each scenario's verdict and times, and how long faults took to make and mend.
//   node scripts/lab/table.ts REPORT.json
import { faultTimes, lengthOf, readReport, recoveriesOf, spreadOf, type Report } from "./report.ts";

const [file = "dist/lab.json"] = process.argv.slice(2);
const report = await readReport(file);
if (report === undefined) throw new Error(`there is no ${file}`);
process.stdout.write(`${showRuns(report)}\n${showFaults(report)}`);

function showRuns({ runs }: Report): string {
  const rows = runs.map((run) => {
    const away = recoveriesOf({ runs: [run] }).map((seconds) => `${seconds.toFixed(1)} s`);
    const seconds = `${lengthOf(run.history).toFixed(0)} s`;
    return [run.scenario, run.outcome, away.length === 0 ? "never" : away.slice(0, 3).join(", "), seconds];
  });
  const passed = runs.filter(({ outcome }) => outcome === "pass").length;
  return `${markdown([["scenario", "verdict", "away", "run"], ...rows])}\n${passed} of ${runs.length} pass\n`;
}

function showFaults(all: Report): string {
  const [made, mended] = [faultTimes(all, "active"), faultTimes(all, "healed")];
  const cell = (values: readonly number[] | undefined): string[] => {
    const spread = spreadOf(values ?? []);
    return spread === undefined ? ["-", "-"] : [`${spread.p50} ms`, `${spread.max} ms`];
  };
  const rows = [...made.keys()].map((fault) => [
    fault,
    String(made.get(fault)?.length ?? 0),
    ...cell(made.get(fault)),
    ...cell(mended.get(fault)),
  ]);
  return `${markdown([["fault", "times", "applied p50", "max", "healed p50", "max"], ...rows])}\n`;
}

function markdown([head = [], ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
