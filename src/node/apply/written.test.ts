import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyUserData, type Outcome } from "../cloudinit.ts";
import { memoryMachine, type MemoryMachine } from "./memory-machine.ts";

const units = ["docker.service", "etcd2.service"];

async function applied(machine: MemoryMachine, text: string): Promise<Outcome> {
  const userData = new TextEncoder().encode(`#cloud-config\n${text}`);
  return await applyUserData({ userData, machine, environment: {}, filesOnly: false, dryRun: false });
}

function read(machine: MemoryMachine, path: string): string | undefined {
  const fact = machine.files.get(path);
  return fact?.kind === "file" ? new TextDecoder().decode(fact.content) : fact?.kind;
}

const write = (machine: MemoryMachine, path: string, text: string): Promise<void> =>
  machine.write(path, new TextEncoder().encode(text), { mode: 0o600 });

const plain = "coreos: {units: [{name: docker.service, command: start}]}\n";
const withProxy = `write_files: [{path: /etc/profile.d/proxy.sh, content: export A}]
coreos: {units: [{name: docker.service, runtime: true, command: start, drop_ins: [{name: 20-p.conf, content: x}]}]}
`;
const dropIn = "/run/systemd/system/docker.service.d/20-p.conf";

describe("a document that no longer asks for a file", () => {
  it("has it taken away, and its unit started anew", async () => {
    const machine = memoryMachine({ units });
    await applied(machine, withProxy);
    machine.ran.length = 0;
    const { notes } = await applied(machine, plain);
    expect(read(machine, "/etc/profile.d/proxy.sh")).toBeUndefined();
    expect(read(machine, dropIn)).toBeUndefined();
    expect(machine.ran).toEqual([
      "systemctl daemon-reload",
      "systemctl --no-block restart -- docker.service",
    ]);
    expect(notes).toEqual([]);
  });

  it("leaves alone what was changed since, and says so each time", async () => {
    const machine = memoryMachine({ units });
    await applied(machine, withProxy);
    await write(machine, "/etc/profile.d/proxy.sh", "mine now");
    for (const time of ["first", "second"]) {
      const { notes } = await applied(machine, plain);
      expect(notes, time).toEqual([
        "/etc/profile.d/proxy.sh was left: it is no longer asked for, but was changed since we wrote it",
      ]);
    }
    expect(read(machine, "/etc/profile.d/proxy.sh")).toBe("mine now");
  });

  it("never touches what it did not write", async () => {
    const own = "/etc/systemd/system/docker.service.d/http-proxy.conf";
    const machine = memoryMachine({ units, files: { [own]: "[Service]\n" } });
    await applied(machine, withProxy);
    await applied(machine, plain);
    expect(read(machine, own)).toBe("[Service]\n");
  });

  it("brings back what was there before", async () => {
    const machine = memoryMachine({ files: { "/etc/motd": "welcome\n" } });
    await applied(machine, "write_files: [{path: /etc/motd, content: ours}]\n");
    await applied(machine, "write_files: [{path: /etc/motd, content: ours too}]\n");
    await applied(machine, "");
    expect(read(machine, "/etc/motd")).toBe("welcome\n");
    expect(machine.files.get("/etc/motd")).toMatchObject({ mode: 0o644, uid: 0 });
  });

  it("stops and removes a unit of its own, and takes back a mask", async () => {
    const machine = memoryMachine({ units });
    await applied(
      machine,
      "coreos: {units: [{name: a.service, content: x, enable: true, command: start}, {name: b.service, mask: true}]}\n",
    );
    expect(machine.active.has("a.service")).toBe(true);
    await applied(machine, "");
    expect(machine.active.has("a.service")).toBe(false);
    expect(read(machine, "/etc/systemd/system/a.service")).toBeUndefined();
    expect(read(machine, "/etc/systemd/system/b.service")).toBeUndefined();
  });

  it("knows what an earlier run may have written that was cut short", async () => {
    const machine = memoryMachine({ units });
    const stop = new Error("power cut");
    const real = machine.write.bind(machine);
    machine.write = async (path, content, access) => {
      if (path === dropIn) throw stop;
      await real(path, content, access);
    };
    await applied(machine, withProxy);
    machine.write = real;
    await applied(machine, plain);
    expect(read(machine, "/etc/profile.d/proxy.sh")).toBeUndefined();
  });

  it("survives nonsense in its memory", async () => {
    const machine = memoryMachine({ units, files: { "/var/lib/flotilla/written.json": "{" } });
    expect((await applied(machine, withProxy)).problems).toEqual([]);
  });
});

describe("any two documents, one after the other", () => {
  const paths = ["/etc/a", "/etc/b", "/run/systemd/system/docker.service.d/c.conf", "/etc/motd"];
  const document = fc.uniqueArray(
    fc.record({ path: fc.constantFrom(...paths), content: fc.string({ minLength: 1 }) }),
    {
      selector: ({ path }) => path,
    },
  );

  it("leave what the second alone would leave", async () => {
    await fc.assert(
      fc.asyncProperty(document, document, async (first, second) => {
        const [machine, fresh] = [
          memoryMachine({ files: { "/etc/motd": "m" } }),
          memoryMachine({ files: { "/etc/motd": "m" } }),
        ];
        await applied(machine, JSON.stringify({ write_files: first }));
        await applied(machine, JSON.stringify({ write_files: second }));
        await applied(fresh, JSON.stringify({ write_files: second }));
        for (const path of paths) expect(read(machine, path), path).toBe(read(fresh, path));
      }),
    );
  });
});
