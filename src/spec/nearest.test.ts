import { describe, expect, it } from "vitest";
import { nearest } from "./nearest.ts";

const keys = ["machines", "network", "etcd", "memory", "authorizedKeys"];

describe("nearest", () => {
  it.each([
    ["machnies", "machines"],
    ["ectd", "etcd"],
    ["mem0ry", "memory"],
    ["authorized_keys", "authorizedKeys"],
    ["Network", "network"],
  ])("takes %s for %s", (typed, meant) => {
    expect(nearest(typed, keys)).toBe(meant);
  });

  it.each(["", "x", "volumes", "dcte"])("has no idea what %s should be", (typed) => {
    expect(nearest(typed, keys)).toBeUndefined();
  });
});
