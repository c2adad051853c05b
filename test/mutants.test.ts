import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { mutants } from "./mutants/list.ts";

const root = resolve(import.meta.dirname, "..");

describe("the deliberate mistakes of make mutants", () => {
  it.each(mutants)("has one place in the sources: $name", ({ file, find }) => {
    expect(readFileSync(join(root, file), "utf8").split(find)).toHaveLength(2);
  });
});
