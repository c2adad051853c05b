import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { eventually, onHost, root, testCluster, type TestCluster } from "../support/cluster.ts";

/**
 * Three virtual machines that Vagrant makes in libvirt, emulated by QEMU: slow, and real. Run by scripts/e2e-vm.sh, in a
 * network that leads nowhere. The tests build on each other.
 */
describe("a cluster of three virtual machines", () => {
  let cluster: TestCluster;
  const nodes = ["core-01", "core-02", "core-03"] as const;
  const minutes = 60_000;
  const reports = join(root, "dist", "vm");

  const change = async (lines: Record<string, unknown>): Promise<void> => {
    const file = join(cluster.dir, "cluster.yaml");
    const spec = parse(await readFile(file, "utf8")) as Record<string, unknown>;
    await writeFile(file, stringify({ ...spec, ...lines }));
  };
  /** Where hello.service runs, by what the cluster says; undefined while it runs nowhere. */
  const helloOn = async (except = ""): Promise<string | undefined> => {
    const status = JSON.parse((await cluster.run("status", "--json")).stdout) as {
      readonly units?: readonly {
        readonly unit: string;
        readonly machine?: string;
        readonly active: string;
      }[];
    };
    const hello = status.units?.find(({ unit }) => unit === "hello.service");
    return hello?.active === "active" && hello.machine !== except ? hello.machine : undefined;
  };
  const etcdLeader = async (): Promise<string> => {
    const url = nodes.map((_, at) => `http://192.168.56.${11 + at}:2379`).join(",");
    const text = await cluster.on(
      "core-01",
      `ETCDCTL_API=3 etcdctl --endpoints=${url} endpoint status --write-out=json`,
    );
    const members = JSON.parse(text) as {
      readonly Endpoint: string;
      readonly Status: { readonly leader: number; readonly header: { readonly member_id: number } };
    }[];
    const leader = members.find(({ Status }) => Status.leader === Status.header.member_id);
    return `core-0${Number(/\.(\d+):/.exec(leader?.Endpoint ?? "")?.[1]) - 10}`;
  };
  /** Plays a scenario with the times of containers so many times as long, and keeps its reports. */
  const play = async (
    scenario: string,
    slower = 15,
  ): Promise<{ outcome: string; reasons: readonly string[] }> => {
    await mkdir(reports, { recursive: true });
    const report = (kind: string): string => join(reports, `${scenario}.${kind}`);
    const files = ["--report-json", report("json"), "--report-html", report("html")];
    const { stdout, stderr } = await cluster.run("test", scenario, "--slower", String(slower), ...files);
    console.log(`${stdout}${stderr}`);
    const { runs } = JSON.parse(await readFile(report("json"), "utf8")) as {
      readonly runs: readonly { readonly outcome: string; readonly reasons: readonly string[] }[];
    };
    return { outcome: runs[0]?.outcome ?? "not played", reasons: runs[0]?.reasons ?? [] };
  };
  const bootIds = async (): Promise<readonly string[]> =>
    await Promise.all(nodes.map((node) => cluster.on(node, "cat /proc/sys/kernel/random/boot_id")));

  beforeAll(async () => {
    cluster = await testCluster({
      example: "lab",
      change: {
        provider: "libvirt",
        vagrant: { libvirtDriver: "qemu" },
        machines: { count: 3, memory: 768 },
      },
    });
    // What is lost when this host crashes does not matter here.
    await cluster.must("render", "--provider", "libvirt");
    const settings = join(cluster.dir, "vagrant", "config.rb");
    const text = await readFile(settings, "utf8");
    await writeFile(settings, text.replace("$libvirt_disk_cache = nil", "$libvirt_disk_cache = 'unsafe'"));
    await cluster.must("up");
  }, 20 * minutes);
  afterAll(async () => await cluster[Symbol.asyncDispose]());

  it("runs hello.service on one of them", async () => {
    await eventually("hello.service is active", async () => await helloOn(), 3 * minutes);
  });

  it("moves hello.service when 'vagrant halt' shuts its machine down by hand", async () => {
    const first = await eventually("hello.service is active", async () => await helloOn(), minutes);
    const halted = await onHost("vagrant", ["--no-tty", "halt", first], {
      VAGRANT_CWD: join(cluster.dir, "vagrant"),
    });
    expect(halted.code, halted.stderr).toBe(0);
    await eventually("hello.service runs elsewhere", async () => await helloOn(first), 3 * minutes);
    expect((await cluster.run("status")).stdout).toContain("stopped");
    await cluster.must("up");
  });

  it("passes the scenario node-kill: its machine's power is cut", async () => {
    expect(await play("node-kill")).toEqual({ outcome: "pass", reasons: [] });
  });

  it("survives the power cut of etcd's leader", async () => {
    const leader = await etcdLeader();
    expect(nodes).toContain(leader);
    await cluster.must("kill", leader);
    await eventually("hello.service runs elsewhere", async () => await helloOn(leader), 3 * minutes);
    await cluster.must("up");
  });

  it("passes the scenario power-outage: all go off, and two come back", async () => {
    expect(await play("power-outage")).toEqual({ outcome: "pass", reasons: [] });
  });

  it("passes the scenario partition-isolate: a machine is cut off from the others", async () => {
    expect(await play("partition-isolate")).toEqual({ outcome: "pass", reasons: [] });
  });

  // Nobody has to boot in these: less patience is enough.
  it.each(["disk-full", "clock-step"])(
    "passes the scenario %s, which needs a machine's own",
    async (scenario) => {
      expect(await play(scenario, 5)).toEqual({ outcome: "pass", reasons: [] });
    },
  );

  it("brings a changed proxy with reload --provision, to machines that it concerns only", async () => {
    await cluster.must("reload", "--provision");
    const before = await bootIds();
    await cluster.must("reload", "--provision");
    expect(await bootIds()).toEqual(before);
    await change({ proxy: { http: "http://proxy.example:3128" } });
    const plan = await cluster.run("reload", "--provision", "--dry-run");
    expect(`${plan.stdout}${plan.stderr}`).toContain("core-01");
    await cluster.must("reload", "--provision", "core-03");
    expect(await cluster.on("core-03", "systemctl show docker -p Environment")).toContain(
      "proxy.example:3128",
    );
    expect(await cluster.on("core-01", "systemctl show docker -p Environment")).not.toContain(
      "proxy.example",
    );
    expect((await bootIds()).slice(0, 2)).toEqual(before.slice(0, 2));
  });

  it("leaves no machine and no network behind", async () => {
    await cluster.must("destroy");
    for (const args of [
      ["list", "--all", "--name"],
      ["net-list", "--all", "--name"],
    ]) {
      const left = await onHost("virsh", ["--connect", "qemu:///system", ...args]);
      expect(left.stdout.split("\n").filter((name) => /core-0|flotilla/.test(name))).toEqual([]);
    }
  });
});
