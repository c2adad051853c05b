import { writeAtomically, type WriteOptions } from "../../foundation/files.ts";
import type { FinishedRun } from "./finished.ts";
import { htmlReport } from "./html/page.ts";
import { jsonReport } from "./json.ts";
import { junitReport } from "./junit.ts";

/** Where reports shall be written; absolute paths. */
export interface ReportFiles {
  readonly json?: string | undefined;
  readonly junit?: string | undefined;
  readonly html?: string | undefined;
}

/** Writes each report that was asked for; `options` say whom it belongs to. @throws E_DISK_FULL */
export async function writeReports(
  runs: readonly FinishedRun[],
  files: ReportFiles,
  options: WriteOptions = {},
): Promise<void> {
  const { json, junit, html } = files;
  if (json !== undefined) {
    await writeAtomically(json, `${JSON.stringify(jsonReport(runs), null, 2)}\n`, options);
  }
  if (junit !== undefined) await writeAtomically(junit, junitReport(runs), options);
  if (html !== undefined) await writeAtomically(html, htmlReport(runs), options);
}
