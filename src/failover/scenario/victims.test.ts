import { describe, expect, it } from "vitest";
import { chooseVictims, seededRandom, type Cast } from "./victims.ts";

const cast: Cast = {
  nodes: ["core-01", "core-02", "core-03"],
  runs: new Map([["hello.service", ["core-02"]]]),
  etcdLeader: "core-03",
  engineLeader: "core-01",
};
const choose = (words: string | string[], seed = 1): readonly string[] =>
  chooseVictims(words, cast, seededRandom(seed));

describe("choosing victims", () => {
  it.each([
    ["a name", "core-03", ["core-03"]],
    ["several names, in the machines' order", ["core-03", "core-01"], ["core-01", "core-03"]],
    ["all", "all", ["core-01", "core-02", "core-03"]],
    ["what a unit runs on", "the machine that runs hello.service", ["core-02"]],
    ["etcd's leader", "etcd leader", ["core-03"]],
    ["the engine's leader", "engine leader", ["core-01"]],
  ])("understands %s", (_, words, expected) => {
    expect(choose(words)).toEqual(expected);
  });

  it("draws the same machine again from the same seed", () => {
    const draw = (): string[] => Array.from({ length: 20 }, (_, seed) => choose("one", seed).join());
    expect(draw()).toEqual(draw());
    expect(new Set(draw()).size).toBe(3);
  });

  it.each([
    ["two of three", 2],
    ["2 of 3", 2],
    ["two", 2],
    ["half", 1],
    ["a minority", 1],
    ["a majority", 2],
    ["all but etcd leader", 2],
    ["all but one", 2],
  ])("draws as many machines as %s means", (words, count) => {
    for (const seed of [1, 2, 3]) expect(new Set(choose(words, seed)).size).toBe(count);
  });

  it("leaves out those that are spared", () => {
    expect(choose("all but the machine that runs hello.service")).toEqual(["core-01", "core-03"]);
  });

  it("refuses numbers that do not fit the cluster", () => {
    expect(() => choose("three of five")).toThrow(/the cluster has 3 machines/);
    expect(() => choose("four")).toThrow(/too few to choose 4/);
  });

  it("says so when nothing matches, or nobody knows the words", () => {
    expect(() => choose("the machine that runs other.service")).toThrow(/matches no machine right now/);
    expect(() => choose("the blue one")).toThrow(/no machine is called "the blue one"/);
  });
});
