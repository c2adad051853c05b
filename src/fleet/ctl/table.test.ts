import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatTable } from "./table.ts";

describe("laying out a table", () => {
  it("has the bytes that fleetctl printed", () => {
    const rows = [
      ["UNIT", "HASH", "DSTATE", "STATE", "TARGET"],
      ["conflict.3.service", "52e8acb", "launched", "inactive", "-"],
      ["global.service", "ba6e90e", "launched", "-", "global"],
      ["hello.service", "3750b3e", "launched", "launched", "11110000.../10.77.0.11"],
    ];
    expect(formatTable(rows)).toBe(
      [
        "UNIT\t\t\tHASH\tDSTATE\t\tSTATE\t\tTARGET",
        "conflict.3.service\t52e8acb\tlaunched\tinactive\t-",
        "global.service\t\tba6e90e\tlaunched\t-\t\tglobal",
        "hello.service\t\t3750b3e\tlaunched\tlaunched\t11110000.../10.77.0.11",
        "",
      ].join("\n"),
    );
  });

  it("gives a cell of exactly one tab stop a whole further one", () => {
    expect(formatTable([["launched", "x"]])).toBe("launched\tx\n");
    expect(
      formatTable([
        ["12345678", "x"],
        ["1234567", "y"],
      ]),
    ).toBe("12345678\tx\n1234567\t\ty\n");
  });

  it("prints nothing for no rows", () => {
    expect(formatTable([])).toBe("");
  });

  it("starts the same column at the same place in every row", () => {
    const cell = fc.stringMatching(/^[a-z0-9.]{0,20}$/);
    const last = fc.stringMatching(/^[a-z0-9.]{1,20}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, last), { minLength: 1 }), (rows) => {
        const lines = formatTable(rows).split("\n").slice(0, -1);
        const starts = lines.map((line, at) => expanded(line.slice(0, -(rows[at]?.[1].length ?? 0))));
        expect(new Set(starts).size).toBe(1);
      }),
    );
  });
});

/** How many columns of a terminal a text takes that ends in tabs. */
function expanded(text: string): number {
  let column = 0;
  for (const letter of text) column = letter === "\t" ? (Math.floor(column / 8) + 1) * 8 : column + 1;
  return column;
}
