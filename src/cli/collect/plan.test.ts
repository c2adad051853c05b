import { describe, expect, it } from "vitest";
import { planCollection, type Facts } from "./plan.ts";

const facts: Facts = { cluster: { known: true }, machines: [], files: [] };
const file = (name: string, bytes = 10, written = 0): Facts["files"][number] => ({ name, bytes, written });
const namesOf = (seen: Partial<Facts>): string[] =>
  planCollection({ ...facts, ...seen }).items.map(({ name }) => name);

describe("what is collected", () => {
  it("has the logs of the last five runs, those beside the machines, and no key", () => {
    const runs = [1, 2, 3, 4, 5, 6, 7].map((day) =>
      file(`logs/2026-01-0${day}T00-00-00-000Z-cluster-up.log`),
    );
    const others = [
      "logs/supervisor.log",
      "logs/core-01.console.log",
      "keys/operator",
      "known_hosts",
      "lock",
    ];
    const logs = namesOf({ files: [...runs, ...others.map((name) => file(name))] }).filter((name) =>
      name.startsWith("state/"),
    );
    expect(logs).toEqual([...runs.slice(2).map(({ name }) => `state/${name}`), "state/logs/supervisor.log"]);
  });

  it("has the last history, unless it is large", () => {
    const [old, last] = [file("history/b.ndjson", 10, 1), file("history/a.ndjson", 10, 2)];
    expect(namesOf({ files: [old, last] })).toContain("state/history/a.ndjson");
    const { items, missing } = planCollection({ ...facts, files: [old, { ...last, bytes: 7e6 }] });
    expect(items.some(({ name }) => name.includes("history"))).toBe(false);
    expect(missing).toEqual([
      { what: "state/history/a.ndjson", why: "it is large (7 MB); attach it yourself if it matters" },
    ]);
  });

  it("asks only machines that run, and gives each item its reason", () => {
    const machines = (["running", "stopped", "half-made", "absent"] as const).map((condition, index) => ({
      name: `core-0${index + 1}`,
      condition,
    }));
    const { items, missing } = planCollection({ ...facts, machines });
    const asked = items.flatMap(({ source }) => (source.kind === "command" ? [source.node] : []));
    const heard = items.flatMap(({ source }) => (source.kind === "console" ? [source.node] : []));
    expect(new Set(asked)).toEqual(new Set(["core-01"]));
    expect(heard).toEqual(["core-01", "core-02", "core-03"]);
    expect(missing.map(({ what, why }) => `${what}: ${why}`)).toEqual([
      "core-02: it is stopped",
      "core-03: it is half-made",
      "core-04: it is absent",
    ]);
    expect(items.filter(({ reason }) => reason === "")).toEqual([]);
  });
});
