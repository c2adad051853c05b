import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plan, type Local, type Step, type Want } from "./plan.ts";

const want = (name: string, desired: Want["desired"], hash = "h1"): Want => ({
  name,
  hash,
  content: "",
  desired,
});
const wants = (...list: readonly Want[]): Map<string, Want> => new Map(list.map((one) => [one.name, one]));
const here = (name: string, reached: Local["reached"], hash = "h1"): Map<string, Local> =>
  new Map([[name, { hash, reached }]]);
const kinds = (steps: readonly Step[]): string[] => steps.map(({ kind, unit }) => `${kind} ${unit}`);

const table: [string, Map<string, Want>, Map<string, Local>, string[]][] = [
  ["nothing wanted, nothing here", wants(), new Map(), []],
  ["launched and launched", wants(want("a", "launched")), here("a", "launched"), []],
  ["loaded and loaded", wants(want("a", "loaded")), here("a", "loaded"), []],
  [
    "launched, other hash launched",
    wants(want("a", "launched", "h2")),
    here("a", "launched"),
    ["unload a", "load a", "start a"],
  ],
  [
    "loaded, other hash launched",
    wants(want("a", "loaded", "h2")),
    here("a", "launched"),
    ["unload a", "load a"],
  ],
  [
    "launched, other hash loaded",
    wants(want("a", "launched", "h2")),
    here("a", "loaded"),
    ["unload a", "load a", "start a"],
  ],
  ["loaded, absent", wants(want("a", "loaded")), new Map(), ["load a"]],
  ["launched, absent", wants(want("a", "launched")), new Map(), ["load a", "start a"]],
  ["not wanted, loaded", wants(), here("a", "loaded"), ["unload a"]],
  ["not wanted, launched", wants(), here("a", "launched"), ["unload a"]],
  ["not wanted, file only", wants(), here("a", "inactive"), ["unload a"]],
  ["launched, file only", wants(want("a", "launched")), here("a", "inactive"), ["load a", "start a"]],
  ["loaded, file only", wants(want("a", "loaded")), here("a", "inactive"), ["load a"]],
  ["launched, loaded", wants(want("a", "launched")), here("a", "loaded"), ["start a"]],
  ["loaded, launched", wants(want("a", "loaded")), here("a", "launched"), ["stop a"]],
];

describe("the agent's plan", () => {
  it.each(table)("%s", (_, desired, local, steps) => {
    expect(kinds(plan(desired, local))).toEqual(steps);
  });

  it("gives fleet's reasons", () => {
    const reason = (desired: Map<string, Want>, local: Map<string, Local>): string[] =>
      plan(desired, local).map((step) => step.reason);
    expect(reason(wants(), here("a", "loaded"))).toEqual(["unit loaded but not scheduled here"]);
    expect(reason(wants(want("a", "launched", "h2")), here("a", "loaded"))).toEqual([
      "unit loaded but hash differs to expected",
      "unit scheduled here but not loaded",
      "unit currently loaded but desired state is launched",
    ]);
    expect(reason(wants(want("a", "loaded")), here("a", "launched"))).toEqual([
      "unit currently launched but desired state is loaded",
    ]);
  });

  it("frees before it takes, and goes by name", () => {
    const desired = wants(want("c", "launched"), want("b", "loaded"), want("a", "launched"));
    const local = new Map<string, Local>([
      ["b", { hash: "h1", reached: "launched" }],
      ["z", { hash: "h1", reached: "launched" }],
    ]);
    expect(kinds(plan(desired, local))).toEqual([
      "unload z",
      "load a",
      "load c",
      "stop b",
      "start a",
      "start c",
    ]);
  });

  const names = fc.constantFrom("a", "b", "c", "d");
  const hashes = fc.constantFrom("h1", "h2");
  const anyDesired = fc.dictionary(
    names,
    fc.record({ hash: hashes, desired: fc.constantFrom("loaded", "launched") }),
  );
  const anyLocal = fc.dictionary(
    names,
    fc.record({ hash: hashes, reached: fc.constantFrom("inactive", "loaded", "launched") }),
  );

  it("leads to what is wanted, and then plans nothing more", () => {
    fc.assert(
      fc.property(anyDesired, anyLocal, (desiredRecord, localRecord) => {
        const desired = new Map<string, Want>(
          Object.entries(desiredRecord).map(([name, rest]) => [name, { name, content: "", ...rest }]),
        );
        const local = new Map(Object.entries(localRecord) as [string, Local][]);
        const after = carryOut(plan(desired, local), desired, local);
        expect(plan(desired, after)).toEqual([]);
        expect([...after.keys()].toSorted()).toEqual([...desired.keys()].toSorted());
      }),
    );
  });
});

function carryOut(
  steps: readonly Step[],
  desired: Map<string, Want>,
  local: Map<string, Local>,
): Map<string, Local> {
  const after = new Map(local);
  for (const { kind, unit } of steps) {
    const hash = desired.get(unit)?.hash ?? "";
    if (kind === "unload") after.delete(unit);
    else after.set(unit, { hash, reached: kind === "start" ? "launched" : "loaded" });
  }
  return after;
}
