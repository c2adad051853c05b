import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { finishedRun, type FinishedRun } from "../../src/failover/report/finished.ts";
import { junitReport } from "../../src/failover/report/junit.ts";
import { recordedRun } from "../support/recorded-history.ts";

/** The JUnit report against the schema that Jenkins publishes, by libxml2. */

const schema = join(import.meta.dirname, "../fixtures/junit/jenkins-junit.xsd");

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "flotilla-junit-"));
});
afterAll(async () => await rm(folder, { recursive: true, force: true }));

/** What the schema would not allow; empty when all is well. */
async function complaints(xml: string): Promise<string> {
  const file = join(folder, "report.xml");
  await writeFile(file, xml);
  const { exitCode, stderr } = await execa("xmllint", ["--noout", "--schema", schema, file], {
    reject: false,
  });
  return exitCode === 0 ? "" : stderr;
}

const passed = recordedRun("node-kill");
const failed = finishedRun(
  passed.events.filter((event) => !(event.kind === "sample" && event.node === "core-01")),
);
const halfway = finishedRun(passed.events.slice(0, -1));
const hostile = finishedRun(
  passed.events.map((event) =>
    event.kind === "probe" ? { ...event, ok: false, text: `<b>&"'\u0007]]>` } : event,
  ),
);

describe("the JUnit report", () => {
  it.each<readonly [string, readonly FinishedRun[]]>([
    ["of no run", []],
    ["of a run that passed", [passed]],
    ["of runs that passed, failed and were inconclusive", [passed, failed, halfway]],
    ["of several scenarios", [passed, recordedRun("power-outage"), failed]],
    ["of a run in which a program said markup and control characters", [hostile]],
  ])("%s is valid", async (_, runs) => {
    expect(await complaints(junitReport(runs))).toBe("");
  });

  it("is not called valid when it is not", async () => {
    expect(await complaints(junitReport([passed]).replace("<testcase", "<test"))).not.toBe("");
    expect(await complaints(junitReport([passed]).replace(/ tests="1"/, ""))).toContain(
      "'tests' is required",
    );
  });
});
