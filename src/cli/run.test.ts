import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { memoryWorld, type MemoryWorld } from "../../test/support/memory-world.ts";
import { runCluster, type Said } from "../../test/support/run-cluster.ts";
import packageJson from "../../package.json" with { type: "json" };
import { loadScenario } from "../failover/scenario/load.ts";
import { AppError } from "../foundation/errors.ts";
import { version } from "./version.ts";

let memory: MemoryWorld;
let cwd: string;

beforeEach(async () => {
  memory = await memoryWorld();
  cwd = await mkdtemp(join(tmpdir(), "flotilla-cli-"));
  const yaml = "version: 1\nname: demo\nmachines: {count: 2}\nservices: [services/hello.service]\n";
  await writeFile(join(memory.dir, "cluster.yaml"), yaml);
});
afterEach(async () => {
  await memory[Symbol.asyncDispose]();
  await rm(cwd, { recursive: true, force: true });
});

const cluster = async (line: string, env: Record<string, string> = {}, signal?: AbortSignal): Promise<Said> =>
  await runCluster(line, { memory, cwd, env, ...(signal === undefined ? {} : { signal }) });

const documents = (text: string): Record<string, unknown>[] =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe("cluster", () => {
  it("has package.json's version", async () => {
    expect(version).toBe(packageJson.version);
    expect(await cluster("--version")).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
  });

  it("lists its commands, but not the hidden one", async () => {
    const { code, stdout } = await cluster("help");
    expect(code).toBe(0);
    for (const name of ["up", "status", "ssh-config", "completion"]) expect(stdout).toContain(`  ${name} `);
    expect(stdout).not.toContain("supervise");
  });

  it.each([
    ["frobnicate", "frobnicate"],
    ["up --frob", "--frob"],
    ["up --provider vmware", "vmware"],
    ["status -- ls", "takes nothing after --"],
    ["ssh", "NODE"],
    ["exec --cluster DIR", "no command"],
  ])("answers '%s' with what is wrong, and exit 2", async (line, word) => {
    const { code, stdout, stderr } = await cluster(line);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(word);
  });

  it("says where it looked for cluster.yaml, and how to get one", async () => {
    const { code, stderr } = await cluster("status");
    expect(code).toBe(3);
    expect(stderr).toContain(join(cwd, "cluster.yaml"));
    expect(stderr).toContain("to solve it: make one with 'cluster init demo'");
  });

  it("gives errors as one document with --json", async () => {
    const { code, stdout, stderr } = await cluster("status --json");
    expect({ code, stderr }).toEqual({ code: 3, stderr: "" });
    expect(documents(stdout)).toMatchObject([
      { v: 1, event: "error", code: "E_CONFIG_MISSING", exitCode: 3 },
    ]);
  });
});

describe("cluster init and validate", () => {
  it("make a cluster that is valid, and overwrite none", async () => {
    expect((await cluster("init demo")).code).toBe(0);
    expect(await cluster("validate")).toMatchObject({ code: 0, stdout: "cluster.yaml is valid\n" });
    for (const scenario of ["node-kill", "power-outage"]) {
      const text = await readFile(join(cwd, `clusters/demo/scenarios/${scenario}.yaml`), "utf8");
      expect(loadScenario(text, scenario).ok).toBe(true);
    }
    const again = await cluster("init demo");
    expect(again.code).toBe(3);
    expect(again.stderr).toContain("already");
    expect((await cluster("init Demo!")).code).toBe(2);
  });

  it("show every problem at its place", async () => {
    await writeFile(
      join(memory.dir, "cluster.yaml"),
      "version: 1\nname: bad\nmachines:\n  cout: 3\n  cpus: 0\n",
    );
    const { code, stderr } = await cluster("validate --cluster DIR");
    expect(code).toBe(3);
    expect(stderr).toMatch(/cluster\.yaml:4:\d+ .*cout/);
    expect(stderr).toMatch(/cluster\.yaml:5:\d+ /);
  });
});

describe("cluster up, status and destroy", () => {
  it("work from a folder, told in plain lines on standard error", async () => {
    const up = await cluster("up --cluster DIR --provider nspawn");
    expect(up).toMatchObject({ code: 0, stdout: "" });
    expect(up.stderr).toContain("core-02: fleet lists every machine");
    expect(up.stderr).toContain("demo is up: 2 machines");
    const status = await cluster("--cluster DIR status");
    expect(status.code).toBe(0);
    expect(status.stdout).toMatch(/^demo \(nspawn\): healthy\n\nMACHINE +ADDRESS +STATE/);
    expect(status.stdout).toMatch(/hello\.service +core-01 +active +running/);
    expect((await cluster("destroy", { CLUSTER: memory.dir })).code).toBe(0);
    expect((await cluster("status --cluster DIR")).code).toBe(3);
  });

  it("exit 1 with what is wrong when the cluster is degraded", async () => {
    await cluster("up --cluster DIR");
    await cluster("kill core-02 --cluster DIR");
    const { code, stdout } = await cluster("status --cluster DIR --json");
    expect(code).toBe(1);
    expect(documents(stdout)).toMatchObject([
      { v: 1, cluster: "demo", healthy: false, problems: ["core-02 is stopped"] },
    ]);
  });

  it("tell every event as a line of JSON", async () => {
    const { stdout, stderr } = await cluster("up --cluster DIR --json");
    expect(stderr).toBe("");
    const events = documents(stdout);
    expect(events.every(({ v }) => v === 1)).toBe(true);
    expect(events).toContainEqual(
      expect.objectContaining({
        event: "step-begin",
        step: "start core-01",
        action: "start",
        node: "core-01",
      }),
    );
    expect(events.at(-1)).toMatchObject({ event: "done", verb: "up" });
  });

  it("print the plan on standard output with --dry-run, and do nothing", async () => {
    const { code, stdout } = await cluster("up --cluster DIR --dry-run");
    expect(code).toBe(0);
    expect(stdout).toContain("1. preparing image, network and supervisor");
    expect(stdout).toContain("core-02: creating (it does not exist)");
    expect(memory.provider.calls).toEqual([]);
  });

  it("exit 130 when the user stops them", async () => {
    const stop = new AbortController();
    stop.abort(new AppError("E_INTERRUPTED", "interrupted", { hint: "run it again" }));
    const { code, stderr } = await cluster("up --cluster DIR", {}, stop.signal);
    expect(code).toBe(130);
    expect(stderr).toContain("interrupted");
  });
});

describe("cluster ssh, exec, env and ssh-config", () => {
  beforeEach(async () => {
    await cluster("up --cluster DIR");
  });

  it("run a command on one machine, or on all", async () => {
    expect((await cluster("ssh core-01 --cluster DIR -- docker ps -a")).code).toBe(0);
    expect((await cluster("exec --cluster DIR -- uptime")).code).toBe(0);
    expect(memory.commands.sort()).toEqual(["core-01: docker ps -a", "core-01: uptime", "core-02: uptime"]);
  });

  it("say that a machine does not run, and refuse one that is not there", async () => {
    await cluster("halt core-02 --cluster DIR");
    expect(await cluster("ssh core-02 --cluster DIR")).toMatchObject({
      code: 5,
      stderr: expect.stringContaining("core-02 is stopped") as string,
    });
    expect((await cluster("ssh core-09 --cluster DIR")).code).toBe(2);
  });

  it("tell ssh and fleetctl how to get in", async () => {
    const config = await cluster("ssh-config --cluster DIR");
    expect(config.stdout).toContain("Host core-02\n  HostName 192.168.56.12\n  User core\n");
    const env = await cluster("env --cluster DIR --shell fish");
    expect(env.stdout).toContain("set -gx FLEETCTL_TUNNEL '127.0.0.1:2222';");
    expect((await cluster("env --cluster DIR")).stdout).toContain("export FLEETCTL_TUNNEL=127.0.0.1:2222\n");
    const hosts = await readFile(join(memory.dir, ".state/known_hosts"), "utf8");
    expect(hosts).toContain("core-01,192.168.56.11,[127.0.0.1]:* ssh-ed25519 ");
  });
});

describe("cluster doctor", () => {
  it("says which provider would be taken, and why others are passed over", async () => {
    const { code, stdout } = await cluster("doctor --cluster DIR");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^virtualbox: passed over: .*VBoxManage is not installed/);
    expect(stdout).toMatch(/^nspawn: ready$/m);
  });

  it("exits 1 when the provider that is asked for cannot work, with every finding", async () => {
    const { code, stdout } = await cluster("doctor --cluster DIR --provider virtualbox --json");
    expect(code).toBe(1);
    const [result] = documents(stdout);
    expect(result).toMatchObject({ v: 1, usable: false });
    expect(result?.["findings"]).toContainEqual(
      expect.objectContaining({ provider: "virtualbox", id: "virtualbox-missing", severity: "error" }),
    );
  });
});

describe("cluster render, image and completion", () => {
  it("write the same bytes again, and notice a stale folder", async () => {
    expect((await cluster("render --cluster DIR --check")).code).toBe(1);
    expect((await cluster("render --cluster DIR")).stdout).toContain("written: Vagrantfile");
    expect(await cluster("render --cluster DIR --check")).toMatchObject({
      code: 0,
      stdout: "nothing has changed\n",
    });
  });

  it("list images", async () => {
    expect((await cluster("image list")).stdout).toMatch(/0123456789ab +1970-01-01 00:00 +current +\/cache/);
    expect((await cluster("image build")).stdout).toBe("/cache/images/0123\n");
  });

  it.each(["bash", "zsh", "fish"])("complete commands in %s", async (shell) => {
    const { code, stdout } = await cluster(`completion ${shell}`);
    expect(code).toBe(0);
    expect(stdout).toContain("ssh-config");
    expect((await cluster("completion tcsh")).code).toBe(2);
  });
});
