import { resolve } from "node:path";
import type { ReportFiles } from "../failover/report/write.ts";
import { valueOf, type Input, type Option } from "./command.ts";
import type { Context } from "./context.ts";

/** Which reports a command writes, and where. */
export const reportOptions: readonly Option[] = [
  { name: "--report-json", value: "FILE", summary: "write everything there: verdicts, times, histories" },
  { name: "--report-junit", value: "FILE", summary: "write JUnit XML there, for CI servers" },
  { name: "--report-html", value: "FILE", summary: "write one page there: what ran where, and when" },
];

export function reportFiles(context: Context, input: Input): ReportFiles {
  const place = (option: string): string | undefined => {
    const path = valueOf(input, option);
    return path === undefined ? undefined : resolve(context.io.cwd, path);
  };
  return { json: place("--report-json"), junit: place("--report-junit"), html: place("--report-html") };
}
