import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { stateFile, withMachine, type ClusterState } from "./state.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "flotilla-state-"));
});
afterEach(async () => rm(dir, { recursive: true, force: true }));

const machine = { machineId: "0".repeat(32), address: "10.0.0.11", etcdMember: true, created: "no" } as const;
const state: ClusterState = {
  version: 1,
  name: "demo",
  provider: "nspawn",
  machines: { "core-01": machine, "core-02": machine },
  services: {},
};

describe("the state file", () => {
  it("gives back what was written", async () => {
    const file = stateFile(dir, undefined);
    expect(await file.read()).toBeUndefined();
    await file.write(state);
    expect(await file.read()).toEqual(state);
  });

  it("loses no change when several are made at once", async () => {
    const file = stateFile(dir, undefined);
    await file.write(state);
    await Promise.all([
      file.update((now) => withMachine(now, "core-01", { created: "creating" })),
      file.update((now) => withMachine(now, "core-02", { created: "created" })),
      file.update((now) => withMachine(now, "core-01", { created: "created" })),
    ]);
    const machines = (await file.read())?.machines;
    expect(machines?.["core-01"]?.created).toBe("created");
    expect(machines?.["core-02"]?.created).toBe("created");
  });

  it.each([
    ["half a file", '{"version":1,', /is not JSON/],
    ["a newer version", '{"version":2}', /newer flotilla/],
    ["a foreign document", '{"version":1}', /is damaged/],
    [
      "a damaged machine",
      JSON.stringify({ ...state, machines: { "core-01": { ...machine, machineId: "?" } } }),
      /is damaged/,
    ],
  ])("refuses %s, and says what to do", async (_, text, message) => {
    await writeFile(join(dir, "state.json"), text);
    const read = stateFile(dir, undefined).read();
    await expect(read).rejects.toMatchObject({
      code: "E_STATE_CONFLICT",
      message: expect.stringMatching(message) as string,
      hint: expect.any(String) as string,
    });
  });
});
