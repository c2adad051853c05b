import { describe, expect, it } from "vitest";
import { createBook } from "./registry-observer.ts";
import type { RegistryRecord } from "../history/history.ts";

const machine = (name: string, present = true): RegistryRecord => ({
  type: "machine",
  machine: name,
  present,
});

describe("the book of the registry", () => {
  it("tells a change once, whoever brings it", () => {
    const book = createBook();
    const reading = { revision: 5, whole: false, changes: [machine("core-01")] };
    expect(book.news(reading)).toEqual([machine("core-01")]);
    expect(book.news(reading)).toEqual([]);
  });

  it("takes what a later whole reading does not hold for gone", () => {
    const book = createBook();
    book.news({ revision: 5, whole: true, changes: [machine("core-01"), machine("core-02")] });
    expect(book.news({ revision: 8, whole: true, changes: [machine("core-02")] })).toEqual([
      machine("core-01", false),
    ]);
  });

  it("does not listen to a machine whose etcd lags behind", () => {
    const book = createBook();
    book.news({ revision: 5, whole: false, changes: [machine("core-01")] });
    book.news({ revision: 8, whole: false, changes: [machine("core-01", false)] });
    expect(book.news({ revision: 6, whole: false, changes: [machine("core-01")] })).toEqual([]);
    expect(book.news({ revision: 4, whole: true, changes: [] })).toEqual([]);
  });
});
