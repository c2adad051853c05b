import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { memoryWorld, type MemoryWorld } from "../../test/support/memory-world.ts";
import { runCluster, type Said } from "../../test/support/run-cluster.ts";

let memory: MemoryWorld;
let cwd: string;

beforeEach(async () => {
  memory = await memoryWorld();
  cwd = await mkdtemp(join(tmpdir(), "flotilla-cli-"));
  const yaml = "version: 1\nname: demo\nmachines: {count: 2}\n";
  await writeFile(join(memory.dir, "cluster.yaml"), yaml);
});
afterEach(async () => {
  await memory[Symbol.asyncDispose]();
  await rm(cwd, { recursive: true, force: true });
});

const cluster = async (line: string): Promise<Said> => await runCluster(line, { memory, cwd });

describe("cluster render and import", () => {
  const change = async (path: string, from: string, to: string): Promise<void> => {
    const text = await readFile(join(memory.dir, path), "utf8");
    await writeFile(
      join(memory.dir, path),
      text.replace(from, () => to),
    );
  };

  it("keeps what was edited by hand, and tells it from what cluster.yaml has changed", async () => {
    expect((await cluster("render --cluster DIR --provider libvirt")).code).toBe(0);
    await change("vagrant/config.rb", "$vm_memory = 1024", "$vm_memory = 3000");
    const edited = await cluster("render --cluster DIR --provider libvirt --check");
    expect([edited.code, edited.stdout]).toEqual([0, "nothing has changed\n"]);
    expect(edited.stderr).toContain("config.rb has $vm_memory = 3000; cluster.yaml has 1024");

    await change("cluster.yaml", "{count: 2}", "{count: 1, cpus: 2}");
    const stale = await cluster("render --cluster DIR --provider libvirt --check");
    expect(stale.code).toBe(1);
    expect(stale.stdout).toContain("+++ b/config.rb\n@@ -3,7 +3,7 @@\n \n # How many machines");
    expect(stale.stdout).toContain("-$num_instances = 2\n+$num_instances = 1\n");
    expect(stale.stdout).toContain("--- a/cloud-config/core-02.yaml\n");
    expect(stale.stdout).not.toMatch(/^[-+ ] +[A-Za-z0-9+/=]{60,}$/m);

    expect((await cluster("render --cluster DIR --provider libvirt")).code).toBe(0);
    const text = await readFile(join(memory.dir, "vagrant/config.rb"), "utf8");
    expect(text).toContain("$vm_memory = 3000 # cluster.yaml: 1024\n$vm_cpus = 2 # cluster.yaml: 2\n");
    expect(existsSync(join(memory.dir, "vagrant/cloud-config/core-02.yaml"))).toBe(false);
  });

  it("overwrites nothing where config.rb cannot be read", async () => {
    await cluster("render --cluster DIR");
    await change("vagrant/config.rb", "$vm_gui = false", "$vm_gui = 'false");
    await change("cluster.yaml", "{count: 2}", "{count: 1}");
    const before = await readFile(join(memory.dir, "vagrant/Vagrantfile"), "utf8");
    const { code, stderr } = await cluster("render --cluster DIR");
    expect([code, stderr]).toEqual([3, expect.stringContaining("a string is never closed")]);
    expect(await readFile(join(memory.dir, "vagrant/Vagrantfile"), "utf8")).toBe(before);
  });

  it("makes a cluster of a coreos-vagrant folder once, and never overwrites one", async () => {
    await mkdir(join(cwd, "old"));
    await writeFile(join(cwd, "old/config.rb"), "$num_instances=2\n$vm_gui = ask\n");
    const made = await cluster("import old");
    expect([made.code, made.stderr]).toEqual([0, ""]);
    expect(made.stdout).toContain("not carried over: config.rb:2 $vm_gui");
    expect((await cluster("validate --cluster clusters/old")).code).toBe(0);
    const again = await cluster("import old");
    expect([again.code, again.stderr]).toEqual([3, expect.stringContaining("already")]);
    expect((await cluster("import nowhere")).code).toBe(2);
  });
});
