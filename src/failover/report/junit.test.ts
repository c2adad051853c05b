import { describe, expect, it } from "vitest";
import { recordedRun } from "../../../test/support/recorded-history.ts";
import { finishedRun } from "./finished.ts";
import { junitReport } from "./junit.ts";

const passed = recordedRun("node-kill");
const failed = finishedRun(
  passed.events.filter((event) => !(event.kind === "sample" && event.node === "core-01")),
);
const halfway = finishedRun(passed.events.slice(0, -1));

describe("the JUnit report", () => {
  it("counts a fail as a failure and an inconclusive run as an error", () => {
    expect(failed.verdict.outcome).toBe("fail");
    const xml = junitReport([passed, failed, halfway]);
    expect(xml).toMatch(/tests="3" failures="1" errors="1"/);
    expect(xml).toContain('<failure message="hello.service never came back');
    expect(xml).toContain('type="inconclusive"');
  });

  it("holds no markup of others, whatever a unit is called and a program says", () => {
    const events = passed.events.map((event) =>
      event.kind === "probe" ? { ...event, ok: false, text: `<b>&"'\u0007]]>` } : event,
    );
    const xml = junitReport([finishedRun(events)]);
    expect(xml).toContain("&lt;b&gt;&amp;&quot;&#39;]]&gt;");
  });
});
