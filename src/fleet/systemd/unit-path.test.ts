import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { unitOfPath, unitPath } from "./unit-path.ts";

describe("the object path of a unit", () => {
  it("is the one that systemd uses", () => {
    expect(unitPath("hello.service")).toBe("/org/freedesktop/systemd1/unit/hello_2eservice");
    expect(unitPath("1@a-b.service")).toBe("/org/freedesktop/systemd1/unit/_31_40a_2db_2eservice");
  });

  it("leads back to the unit, whatever its name", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: "binary" }), (name) => unitOfPath(unitPath(name)) === name),
    );
    expect(unitOfPath(unitPath("ä@x_y.service"))).toBe("ä@x_y.service");
  });

  it("is not taken for a unit when it is something else", () => {
    for (const path of [
      "/org/freedesktop/systemd1",
      "/org/freedesktop/systemd1/unit/",
      "/org/freedesktop/systemd1/job/1",
    ]) {
      expect(unitOfPath(path)).toBeUndefined();
    }
  });
});
