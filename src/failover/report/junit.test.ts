import { describe, expect, it } from "vitest";
import { recordedRun } from "../../../test/support/recorded-history.ts";
import { finishedRun } from "./finished.ts";
import { junitReport } from "./junit.ts";

/** What the JUnit schema asks of each element: attributes in `name` or `name?`, children in their order. */
const schema: Record<string, { attributes: readonly string[]; children: readonly string[] }> = {
  testsuites: { attributes: [], children: ["testsuite"] },
  testsuite: {
    attributes: ["name", "package", "id", "timestamp", "hostname", "tests", "failures", "errors", "time"],
    children: ["properties", "testcase", "system-out", "system-err"],
  },
  properties: { attributes: [], children: ["property"] },
  property: { attributes: ["name", "value"], children: [] },
  testcase: { attributes: ["name", "classname", "time"], children: ["error", "failure"] },
  failure: { attributes: ["message", "type"], children: [] },
  error: { attributes: ["message", "type"], children: [] },
  "system-out": { attributes: [], children: [] },
  "system-err": { attributes: [], children: [] },
};

/** Reads the markup and says what the schema would not allow. */
function complaints(xml: string): string[] {
  const found: string[] = [];
  const open: { name: string; last: number }[] = [];
  for (const [, close, name = "", attributes = "", empty] of xml.matchAll(
    /<(\/)?([a-z-]+)((?: [a-z]+="[^"<]*")*)(\/)?>/g,
  )) {
    if (close !== undefined) {
      if (open.pop()?.name !== name) found.push(`</${name}> closes something else`);
      continue;
    }
    const rule = schema[name];
    if (rule === undefined) found.push(`<${name}> is unknown`);
    const names = [...attributes.matchAll(/ ([a-z]+)=/g)].map((match) => match[1] ?? "");
    if (rule !== undefined && names.toSorted().join() !== rule.attributes.toSorted().join()) {
      found.push(`<${name}> has ${names.join()}`);
    }
    const parent = open.at(-1);
    const place = parent === undefined ? 0 : (schema[parent.name]?.children.indexOf(name) ?? -1);
    if (place < (parent?.last ?? 0)) found.push(`<${name}> is at the wrong place`);
    if (parent !== undefined) parent.last = place;
    if (empty === undefined) open.push({ name, last: 0 });
  }
  return [...found, ...open.map(({ name }) => `<${name}> is not closed`)];
}

const passed = recordedRun("node-kill");
const failed = finishedRun(
  passed.events.filter((event) => !(event.kind === "sample" && event.node === "core-01")),
);
const halfway = finishedRun(passed.events.slice(0, -1));

describe("the JUnit report", () => {
  it("is what the schema asks for, whatever the verdict", () => {
    const xml = junitReport([passed, failed, halfway, recordedRun("power-outage")]);
    expect(xml).toMatch(/^<\?xml version="1.0" encoding="UTF-8"\?>\n<testsuites>/);
    expect(complaints(xml)).toEqual([]);
  });

  it("counts a fail as a failure and an inconclusive run as an error", () => {
    expect(failed.verdict.outcome).toBe("fail");
    const xml = junitReport([passed, failed, halfway]);
    expect(xml).toMatch(/tests="3" failures="1" errors="1"/);
    expect(xml).toContain('<failure message="hello.service never came back');
    expect(xml).toContain('type="inconclusive"');
  });

  it("is well-formed whatever a unit is called and a program says", () => {
    const events = passed.events.map((event) =>
      event.kind === "probe" ? { ...event, ok: false, text: `<b>&"'\u0007]]>` } : event,
    );
    const xml = junitReport([finishedRun(events)]);
    expect(complaints(xml)).toEqual([]);
    expect(xml).toContain("&lt;b&gt;&amp;&quot;&#39;]]&gt;");
  });
});
