import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memoryWorld, type MemoryWorld } from "../../test/support/memory-world.ts";
import { recordedWindow } from "../../test/support/recorded-host.ts";
import { AppError } from "../foundation/errors.ts";
import { openCluster } from "./cluster.ts";
import { destroy, halt, kill } from "./power.ts";
import { provision, reload } from "./reload.ts";
import { clusterStatus } from "./status.ts";
import { up } from "./up.ts";

const options = ({ dir, spec }: MemoryWorld, nodes: readonly string[] = []) => ({
  dir,
  spec,
  nodes,
  provision: false,
  dryRun: false,
});
const power = ({ dir }: MemoryWorld, nodes: readonly string[] = []) => ({ dir, nodes, dryRun: false });

async function statusOf(memory: MemoryWorld) {
  return await clusterStatus(memory.world, await openCluster(memory.world, memory.dir));
}

describe("cluster up", () => {
  it("makes every machine, waits for all layers, and starts the services", async () => {
    await using memory = await memoryWorld();
    await up(memory.world, options(memory));
    expect(memory.begun()[0]).toBe("prepare");
    expect(memory.begun().at(-1)).toBe("services");
    expect(memory.units.get("hello.service")?.desired).toBe("launched");
    const layers = memory.events.filter((event) => event.kind === "layer" && event.node === "core-02");
    expect(layers.map((event) => event.kind === "layer" && event.layer)).toEqual([
      "booted",
      "network",
      "sshd",
      "cloud-config",
      "etcd",
      "docker",
      "fleet",
    ]);
    const status = await statusOf(memory);
    expect(status.problems).toEqual([]);
    expect(status.units).toMatchObject([{ unit: "hello.service", machine: "core-01", active: "active" }]);
  });

  it("finds nothing to do the second time", async () => {
    await using memory = await memoryWorld();
    await up(memory.world, options(memory));
    memory.events.length = 0;
    await up(memory.world, options(memory));
    expect(memory.begun()).toEqual([]);
  });

  it("makes nothing when asked for the plan only", async () => {
    await using memory = await memoryWorld();
    await up(memory.world, { ...options(memory), dryRun: true });
    expect(memory.provider.calls).toEqual([]);
    expect(existsSync(join(memory.dir, ".state"))).toBe(false);
    const plan = memory.events.find((event) => event.kind === "plan");
    expect(plan?.kind === "plan" && plan.steps.length).toBeGreaterThan(5);
  });

  it("brings up only the machines that were named, and expects fleet to list just those", async () => {
    await using memory = await memoryWorld();
    await up(memory.world, options(memory));
    await kill(memory.world, power(memory));
    await up(memory.world, options(memory, ["core-02", "core-03"]));
    const status = await statusOf(memory);
    expect(status.machines.map(({ state }) => state)).toEqual(["stopped", "running", "running"]);
    expect(status.healthy).toBe(false);
    expect(status.problems).toEqual(["core-01 is stopped"]);
  });

  it("does not start a unit again that a user has stopped", async () => {
    await using memory = await memoryWorld();
    await up(memory.world, options(memory));
    memory.units.set("hello.service", { desired: "inactive", options: [] });
    await kill(memory.world, power(memory, ["core-01"]));
    await up(memory.world, options(memory));
    expect(memory.units.get("hello.service")?.desired).toBe("inactive");
  });

  it("refuses another provider than the first one, before anything is touched", async () => {
    await using memory = await memoryWorld();
    await up(memory.world, options(memory));
    const other = up(memory.world, { ...options(memory), provider: "virtualbox" });
    await expect(other).rejects.toMatchObject({ code: "E_STATE_CONFLICT", exitCode: 3 });
  });

  it("makes nothing on a host that lacks something, and says all of it", async () => {
    await using memory = await memoryWorld();
    memory.provider.lacks = [
      { code: "E_HOST_LACKS", what: "systemd-nspawn", hint: "apt install systemd-container" },
    ];
    const refused = up(memory.world, options(memory));
    await expect(refused).rejects.toMatchObject({
      code: "E_HOST_LACKS",
      details: ["systemd-nspawn: apt install systemd-container"],
    });
    expect(await readdir(memory.dir)).not.toContain("state.json");
    expect(memory.provider.calls).toEqual([]);
  });

  it("warns of what the doctor finds, and goes on", async () => {
    await using memory = await memoryWorld();
    const files = { "/proc/sys/fs/inotify/max_user_instances": "64\n" };
    const host = recordedWindow({ platform: "linux", arch: "x64", files });
    await up({ ...memory.world, host }, options(memory));
    const warnings = memory.events.filter((event) => event.kind === "warning");
    expect(warnings).toMatchObject([
      { message: expect.stringContaining("max_user_instances is 64") as string },
    ]);
    expect(memory.events.at(-1)).toMatchObject({ kind: "done" });
  });

  it("throws a half-made machine away and makes it anew", async () => {
    await using memory = await memoryWorld();
    memory.provider.failNext("create", new Error("power cut"));
    await expect(up(memory.world, options(memory))).rejects.toThrow("power cut");
    memory.events.length = 0;
    await up(memory.world, options(memory));
    expect(memory.begun()).toContain("discard core-01");
    expect((await statusOf(memory)).healthy).toBe(true);
  });

  it("keeps its state and keys to itself", async () => {
    await using memory = await memoryWorld();
    await up(memory.world, options(memory));
    const mode = async (path: string) => (await stat(join(memory.dir, ".state", path))).mode & 0o777;
    expect(await mode(".")).toBe(0o700);
    expect(await mode("state.json")).toBe(0o600);
    expect(await mode("keys")).toBe(0o700);
    expect(await mode("keys/operator")).toBe(0o600);
  });
});

describe("a run that is cut off", () => {
  const steps = 11;

  /** Interrupts `up` when its nth step begins; gives whether it came so far. */
  async function interruptedUp(memory: MemoryWorld, count: number): Promise<void> {
    const stop = new AbortController();
    let begun = 0;
    const world = memory.another(stop.signal, (event) => {
      if (event.kind !== "step-begin") return;
      begun++;
      if (begun === count) stop.abort(new AppError("E_INTERRUPTED", "interrupted"));
    });
    await up(world, options(memory)).catch((error: unknown) => {
      if (!stop.signal.aborted) throw error;
    });
  }

  it("is finished by the next one, wherever it was cut off", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: steps }), { maxLength: 3 }), async (cuts) => {
        await using memory = await memoryWorld();
        for (const cut of cuts) await interruptedUp(memory, cut);
        await up(memory.world, options(memory));
        expect((await statusOf(memory)).problems).toEqual([]);
        expect(memory.units.get("hello.service")?.desired).toBe("launched");
        memory.events.length = 0;
        await up(memory.world, options(memory));
        expect(memory.begun()).toEqual([]);
      }),
      { numRuns: 12 },
    );
  }, 60_000);

  it("leaves nothing behind after destroy, wherever it was cut off", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: steps }), async (cut) => {
        await using memory = await memoryWorld();
        await interruptedUp(memory, cut);
        await destroy(memory.world, power(memory));
        expect(existsSync(join(memory.dir, ".state"))).toBe(false);
        const ref = { name: "demo", dir: memory.dir, stateDir: join(memory.dir, ".state") };
        expect((await memory.provider.machines(ref)).size).toBe(0);
        expect(memory.provider.calls).toContain("dispose");
      }),
      { numRuns: 12 },
    );
  }, 60_000);
});

describe("halt, kill and destroy", () => {
  it("leave machines alone that were not named", async () => {
    await using memory = await memoryWorld();
    await up(memory.world, options(memory));
    await halt(memory.world, power(memory, ["core-02"]));
    await destroy(memory.world, power(memory, ["core-03"]));
    const { machines } = await statusOf(memory);
    expect(machines.map(({ state }) => state)).toEqual(["running", "stopped", "absent"]);
  });

  it("refuse a machine that is not there, and say which are", async () => {
    await using memory = await memoryWorld();
    await up(memory.world, options(memory));
    await expect(kill(memory.world, power(memory, ["core-09"]))).rejects.toMatchObject({
      code: "E_USAGE",
      hint: "its machines are core-01, core-02, core-03",
    });
  });

  it("have nothing to do where no cluster is", async () => {
    await using memory = await memoryWorld();
    await destroy(memory.world, power(memory));
    expect(memory.events).toMatchObject([{ kind: "done", message: "there is no cluster to destroy" }]);
    await expect(halt(memory.world, power(memory))).rejects.toMatchObject({ code: "E_STATE_CONFLICT" });
  });
});

describe("reload and provision", () => {
  it("take one machine after the other: off, handed over, on, ready; then the next", async () => {
    await using memory = await memoryWorld();
    await up(memory.world, options(memory));
    memory.events.length = 0;
    await reload(memory.world, options(memory, ["core-02", "core-01"]));
    expect(memory.begun()).toEqual([
      "prepare",
      "halt core-02",
      "hand-over core-02",
      "start core-02",
      "wait core-02",
      "halt core-01",
      "hand-over core-01",
      "start core-01",
      "wait core-01",
    ]);
    expect((await statusOf(memory)).healthy).toBe(true);
  });

  it("with --provision leaves a machine alone whose user-data has not changed", async () => {
    await using memory = await memoryWorld();
    await up(memory.world, options(memory));
    memory.events.length = 0;
    await reload(memory.world, { ...options(memory), provision: true });
    expect(memory.begun()).toEqual([]);
    const machines = { ...memory.spec.machines, overrides: { "core-02": { metadata: { region: "new" } } } };
    await reload(memory.world, {
      ...options(memory),
      provision: true,
      spec: { ...memory.spec, machines },
    });
    expect(memory.begun().filter((step) => step.startsWith("start"))).toEqual(["start core-02"]);
    expect(memory.provider.calls.filter((call) => call.startsWith("provision"))).toEqual([
      "provision core-02",
    ]);
  });

  it("gives new user-data to the named machine only, and applies it where it runs", async () => {
    await using memory = await memoryWorld();
    await up(memory.world, options(memory));
    const spec = { ...memory.spec, docker: { ...memory.spec.docker, exposeTcp: true } };
    await provision(memory.world, { ...options(memory, ["core-01"]), spec });
    expect(memory.provider.calls.filter((call) => call.startsWith("provision"))).toEqual([
      "provision core-01",
    ]);
    expect(memory.commands).toEqual([expect.stringMatching(/^core-01: .*\/opt\/bin\/flotilla-cloudinit /)]);
  });
});
