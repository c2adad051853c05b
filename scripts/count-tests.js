// Adds up vitest's JSON reports and prints the closing line.  Usage: count-tests.js BROKEN REPORT…
// A report that is missing, or a check that failed, counts as one failure: it must not pass unseen.
import { existsSync, readFileSync } from "node:fs";

const [broken, ...reports] = process.argv.slice(2);
let passed = 0;
let failed = 0;
let skipped = 0;
for (const report of reports) {
  if (!existsSync(report)) {
    console.log(`no report of ${report.split("/").at(-1)}: the runner did not get to its end`);
    failed += 1;
    continue;
  }
  const result = JSON.parse(readFileSync(report, "utf8"));
  passed += result.numPassedTests;
  skipped += result.numPendingTests + result.numTodoTests;
  // A file that could not even be loaded fails without having tests.
  const brokenFiles = result.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  );
  for (const file of brokenFiles) console.log(`could not run ${file.name}`);
  failed += result.numFailedTests + brokenFiles.length;
}
if (broken !== "0" && failed === 0) {
  console.log("a check failed (see above)");
  failed = 1;
}
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
