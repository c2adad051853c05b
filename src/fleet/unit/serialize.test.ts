import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { UnitOption } from "../model.ts";
import { hashUnit, serializeUnit, shortHash } from "./serialize.ts";

const sleep: UnitOption[] = [{ section: "Service", name: "ExecStart", value: "/bin/sleep 100" }];

const someOptions = fc.array(
  fc.record({
    section: fc.constantFrom("Unit", "Service"),
    name: fc.constantFrom("A", "B"),
    value: fc.constantFrom("", "1", "2"),
  }),
  { maxLength: 4 },
);

describe("serializeUnit", () => {
  it("gathers a section's options under its first appearance", () => {
    const options = [
      { section: "Unit", name: "Description", value: "Foo" },
      { section: "Service", name: "ExecStart", value: "/bin/true" },
      { section: "Unit", name: "After", value: "docker.service" },
    ];
    expect(serializeUnit(options)).toBe(
      "[Unit]\nDescription=Foo\nAfter=docker.service\n\n[Service]\nExecStart=/bin/true\n",
    );
  });

  it("gives nothing for no options", () => {
    expect(serializeUnit([])).toBe("");
  });
});

describe("hashUnit", () => {
  it("is fleet's hash of the same unit", () => {
    expect(hashUnit(sleep)).toBe("1c6fb6f3684bafb0c173d8b8b957ceff031180c1");
    expect(hashUnit([])).toBe("da39a3ee5e6b4b0d3255bfef95601890afd80709");
    expect(shortHash(hashUnit(sleep))).toBe("1c6fb6f");
  });

  it("is equal exactly when the canonical texts are", () => {
    fc.assert(
      fc.property(someOptions, someOptions, (one, other) => {
        expect(hashUnit(one) === hashUnit(other)).toBe(serializeUnit(one) === serializeUnit(other));
      }),
    );
  });
});
