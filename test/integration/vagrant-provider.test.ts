import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/foundation/clock.ts";
import type { Exec } from "../../src/foundation/exec.ts";
import { hostExec } from "../../src/foundation/exec.ts";
import type { ClusterPlan, Provider } from "../../src/provider/provider.ts";
import { libvirt } from "../../src/provider/vagrant/libvirt.ts";
import { createVagrantProvider } from "../../src/provider/vagrant/provider.ts";
import { virtualbox } from "../../src/provider/vagrant/virtualbox.ts";
import { clusterPlan, nodePlan } from "../support/cluster-plan.ts";
import { describeProvider } from "../support/provider-contract.ts";

const programs = join(import.meta.dirname, "../fixtures/hypervisor");
const scratch = mkdtempSync(join(tmpdir(), "flotilla-vagrant-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Stage {
  readonly provider: Provider;
  readonly cluster: ClusterPlan;
  /** Where the programs that stand in for Vagrant and the hypervisors keep their machines. */
  readonly world: string;
  calls(): readonly string[];
}

function stage(hypervisor: "libvirt" | "virtualbox", name: string): Stage {
  const dir = join(scratch, `${hypervisor}-${name}`);
  const world = join(dir, "world");
  mkdirSync(join(dir, "vagrant"), { recursive: true });
  mkdirSync(world);
  const real = hostExec();
  const exec: Exec = {
    run: async (command) => {
      const path = `${programs}:${process.env["PATH"] ?? ""}`;
      const env = { ...command.env, PATH: path, FAKE_HYPERVISOR: world };
      return await real.run({ ...command, env });
    },
  };
  const provider = createVagrantProvider({
    exec,
    clock: systemClock(),
    hypervisor: hypervisor === "libvirt" ? libvirt(exec, systemClock()) : virtualbox(exec),
    furnish: async () => void mkdirSync(join(dir, "vagrant"), { recursive: true }),
    checkFurniture: () => Promise.resolve([]),
  });
  const calls = (): readonly string[] =>
    existsSync(join(world, "calls")) ? readFileSync(join(world, "calls"), "utf8").trim().split("\n") : [];
  const plan = clusterPlan(dir);
  // The stand-ins make no network, so there is no address for a mirror to listen on.
  const docker = { ...plan.spec.docker, mirror: false, images: [] };
  return { provider, cluster: { ...plan, spec: { ...plan.spec, docker } }, world, calls };
}

describeProvider("libvirt, through programs that stand in for it", async () => stage("libvirt", "contract"));
describeProvider("VirtualBox, through programs that stand in for it", async () =>
  stage("virtualbox", "contract"),
);

describe.each(["libvirt", "virtualbox"] as const)("machines of Vagrant with %s", (hypervisor) => {
  const { signal } = new AbortController();
  let number = 0;
  let now: Stage;
  const up = async (): Promise<void> => {
    await now.provider.create(now.cluster, nodePlan(now.cluster, 1), signal);
    await now.provider.start(now.cluster, "core-01", signal);
  };

  beforeEach(async () => {
    now = stage(hypervisor, `case-${(number += 1)}`);
    await now.provider.prepare(now.cluster, () => undefined, signal);
  });

  it("sees what is done by hand: vagrant halt, and a machine that is gone", async () => {
    await up();
    const id = join(now.cluster.dir, "vagrant/.vagrant/machines/core-01", hypervisor, "id");
    const machine = join(now.world, "machines", readFileSync(id, "utf8"));
    writeFileSync(machine, "off\n");
    const halted = (await now.provider.machines(now.cluster)).get("core-01");
    expect(halted).toEqual({ state: "stopped", address: "192.168.56.11" });
    rmSync(machine);
    expect(await now.provider.machines(now.cluster)).toEqual(new Map());
  });

  it("makes a machine again when its first start was cut off", async () => {
    writeFileSync(join(now.world, "hang"), "");
    await now.provider.create(now.cluster, nodePlan(now.cluster, 1), signal);
    const cut = new AbortController();
    const starting = now.provider.start(now.cluster, "core-01", cut.signal);
    const id = join(now.cluster.dir, "vagrant/.vagrant/machines/core-01", hypervisor, "id");
    await expect.poll(() => existsSync(id), { timeout: 5_000 }).toBe(true);
    const first = readFileSync(id, "utf8");
    cut.abort(new Error("interrupted"));
    await expect(starting).rejects.toThrow("interrupted");
    rmSync(join(now.world, "hang"));
    expect((await now.provider.machines(now.cluster)).get("core-01")?.state).toBe("stopped");
    await now.provider.start(now.cluster, "core-01", signal);
    expect(readFileSync(id, "utf8")).not.toBe(first);
    expect((await now.provider.machines(now.cluster)).get("core-01")?.state).toBe("running");
  });

  it("brings new user-data with the next start, and only then", async () => {
    await up();
    await now.provider.provision(
      now.cluster,
      nodePlan(now.cluster, 1, "#cloud-config\nhostname: other\n"),
      signal,
    );
    const file = join(now.cluster.dir, "vagrant/cloud-config/core-01.yaml");
    expect(readFileSync(file, "utf8")).toContain("hostname: other");
    await now.provider.halt(now.cluster, "core-01", signal);
    await now.provider.start(now.cluster, "core-01", signal);
    await now.provider.halt(now.cluster, "core-01", signal);
    await now.provider.start(now.cluster, "core-01", signal);
    expect(now.calls().filter((call) => call.includes("up core-01"))).toEqual([
      `vagrant up core-01 --provider ${hypervisor}`,
      "vagrant up core-01 --provision",
      "vagrant up core-01 --no-provision",
    ]);
  });

  it("says what Vagrant's failure means, and what to do", async () => {
    writeFileSync(join(now.world, "fail-up"), "VERR_DISK_FULL: No space left on device\n");
    await now.provider.create(now.cluster, nodePlan(now.cluster, 1), signal);
    await expect(now.provider.start(now.cluster, "core-01", signal)).rejects.toMatchObject({
      code: "E_DISK_FULL",
      message: "the disk of this host is full",
    });
  });

  it("tries once more when Vagrant has locked itself out, and says so when it stays locked", async () => {
    const words = "another Vagrant process is currently reading or modifying\nthe machine.\n";
    await now.provider.create(now.cluster, nodePlan(now.cluster, 1), signal);
    writeFileSync(join(now.world, "fail-up"), words);
    await now.provider.start(now.cluster, "core-01", signal);
    expect((await now.provider.machines(now.cluster)).get("core-01")?.state).toBe("running");
    await now.provider.kill(now.cluster, "core-01", signal);
    writeFileSync(join(now.world, "fail-always"), words);
    await expect(now.provider.start(now.cluster, "core-01", signal)).rejects.toMatchObject({
      code: "E_LOCKED",
    });
    expect((await now.provider.machines(now.cluster)).get("core-01")?.state).toBe("stopped");
  });

  it("makes a machine again when its first start was killed half-way by somebody", async () => {
    writeFileSync(join(now.world, "die"), "");
    await now.provider.create(now.cluster, nodePlan(now.cluster, 1), signal);
    await expect(now.provider.start(now.cluster, "core-01", signal)).rejects.toMatchObject({
      code: "E_COMMAND_FAILED",
      message: "vagrant failed (exit by signal)",
    });
    const id = join(now.cluster.dir, "vagrant/.vagrant/machines/core-01", hypervisor, "id");
    const first = readFileSync(id, "utf8");
    rmSync(join(now.world, "die"));
    await now.provider.start(now.cluster, "core-01", signal);
    expect(readFileSync(id, "utf8")).not.toBe(first);
    expect(existsSync(join(now.world, "machines", first))).toBe(false);
    expect((await now.provider.machines(now.cluster)).get("core-01")?.state).toBe("running");
  });

  it("leaves the Vagrantfile and config.rb, but no key and no user-data, when all is gone", async () => {
    const folder = join(now.cluster.dir, "vagrant");
    mkdirSync(join(folder, "ssh"), { recursive: true });
    for (const file of ["Vagrantfile", "config.rb", "ssh/operator"]) writeFileSync(join(folder, file), "");
    await up();
    await now.provider.dispose(now.cluster, signal);
    const left = ["Vagrantfile", "config.rb", "ssh", "cloud-config", ".vagrant"];
    expect(left.map((name) => existsSync(join(folder, name)))).toEqual([true, true, false, false, false]);
  });
});
