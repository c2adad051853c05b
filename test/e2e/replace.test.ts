import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { parse, stringify } from "yaml";
import { eventually, testCluster, type TestCluster } from "../support/cluster.ts";

/** Machines are replaced for good while the cluster works on; fleetd, systemd and etcd are upset meanwhile. */

const nodes = ["core-01", "core-02", "core-03"];
const service = (line: string): string => `[Service]\n${line}\n`;
let cluster: TestCluster;

beforeAll(async () => {
  cluster = await testCluster({ example: "demo", change: { services: [] } });
  await cluster.must("up");
  await cluster.put("core-01", "one@.service", service("ExecStart=/bin/sleep infinity"));
  await cluster.on("core-01", "fleetctl start one@1 one@2 one@3 one@4 one@5 one@6");
});
afterAll(async () => cluster?.[Symbol.asyncDispose]());

const idOf = (node: string): Promise<string> => cluster.on(node, "cat /etc/machine-id");
const others = (node: string): string[] => nodes.filter((other) => other !== node);

/** The units of each node with the id of their present run: who is started anew gets another one. */
async function invocations(asked: readonly string[]): Promise<Record<string, string[]>> {
  const command = "systemctl show 'one@*' --property=Id,InvocationID --value | paste -sd' '";
  const found = await Promise.all(
    asked.map(async (node): Promise<[string, string[]]> => {
      const units = (await cluster.on(node, command)).split(/ {2,}/);
      return [node, units.toSorted()];
    }),
  );
  return Object.fromEntries(found);
}

async function runsAll(from: string, count = 6): Promise<string> {
  return await eventually("all units are active", async () => {
    const table = await cluster.on(from, "fleetctl list-units --no-legend --full");
    const lines = table.split("\n").filter((line) => line.includes("active\trunning"));
    return lines.length === count && table;
  });
}

/** The node that leads etcd. */
async function etcdLeader(from: string): Promise<string> {
  const list = await cluster.on(from, "ETCDCTL_API=2 etcdctl member list");
  return /name=(\S+) .*isLeader=true/.exec(list)?.[1] ?? "";
}

/** Destroys the machine and brings a new one up; gives etcd's members after that. */
async function replace(node: string): Promise<number> {
  const asked = others(node)[0] ?? "";
  const before = await idOf(node);
  await cluster.must("destroy", node);
  const members = await cluster.on(asked, "ETCDCTL_API=2 etcdctl member list");
  expect(members).not.toContain(`name=${node} `);
  expect(await runsAll(asked)).not.toContain(before);
  await cluster.must("up");
  expect(await idOf(node)).not.toBe(before);
  expect(await cluster.on(node, "ETCDCTL_API=2 etcdctl cluster-health")).toContain("cluster is healthy");
  expect(await cluster.on(node, "fleetctl list-machines --no-legend")).toMatch(/(.+\n){2}.+/);
  const status = await cluster.run("status");
  expect(status).toMatchObject({ code: 0 });
  return (await cluster.on(asked, "ETCDCTL_API=2 etcdctl member list")).split("\n").length;
}

describe("fleetd is restarted", () => {
  it("moves and restarts nothing, by systemctl, by SIGHUP and when the node gets new settings", async () => {
    await runsAll("core-01");
    const before = await invocations(nodes);
    const table = await cluster.on("core-02", "fleetctl list-units --full");
    await cluster.on("core-01", "sudo systemctl restart fleet");
    await cluster.on("core-02", "sudo systemctl reload fleet");
    const file = join(cluster.dir, "cluster.yaml");
    const spec = parse(await readFile(file, "utf8")) as { fleet?: object };
    await writeFile(file, stringify({ ...spec, fleet: { agentTtl: "5s" } }));
    await cluster.must("provision");
    expect(await cluster.on("core-03", "systemctl show -p Environment fleet")).toContain(
      "FLEET_AGENT_TTL=5s",
    );
    await eventually("all list three machines", async () => {
      const tables = await Promise.all(
        nodes.map((node) => cluster.on(node, "fleetctl list-machines --no-legend")),
      );
      return tables.every((text) => text.split("\n").length === 3);
    });
    expect(await cluster.on("core-02", "fleetctl list-units --full")).toBe(table);
    expect(await invocations(nodes)).toEqual(before);
  });

  it("follows units over a new dbus and a new systemd", async () => {
    const before = await invocations(nodes);
    await cluster.on(
      "core-01",
      "sudo systemctl daemon-reexec; sudo systemctl restart dbus; sudo systemctl daemon-reload",
    );
    await cluster.on("core-01", "fleetctl stop one@1; fleetctl start one@1");
    await runsAll("core-01");
    const after = await invocations(nodes);
    const changed = nodes.filter((node) => String(after[node]) !== String(before[node]));
    expect(changed).toHaveLength(1);
  });

  it("runs a oneshot, shows a failing unit, and neither holds up another", async () => {
    onTestFinished(async () => {
      await cluster.try("core-01", "fleetctl destroy once.service bad.service slow.service");
    });
    await cluster.put("core-01", "once.service", service("Type=oneshot\nExecStart=/bin/true"));
    // Its start itself fails: a process that ends at once has been active for a moment, and may be seen so.
    const failing = service("ExecStartPre=/bin/false\nExecStart=/bin/sleep infinity");
    await cluster.put("core-01", "bad.service", failing);
    await cluster.put(
      "core-01",
      "slow.service",
      service("ExecStartPre=/bin/sleep 5\nExecStart=/bin/sleep infinity"),
    );
    await cluster.on("core-01", "fleetctl start --no-block slow.service");
    await cluster.on("core-01", "fleetctl start once.service");
    const bad = await cluster.try("core-01", "fleetctl start bad.service");
    expect(bad.code).toBe(1);
    expect(bad.stderr).toContain("unit bad.service failed on");
  });
});

describe("a machine is drained", () => {
  it("gives its units away, stays empty over a restart, and takes units again", async () => {
    const id = await idOf("core-02");
    const said = await cluster.run("ssh", "core-01", "--", `fleetctl drain ${id.slice(0, 6)}`);
    expect(said).toMatchObject({ code: 0 });
    expect(said.stderr).toContain("is drained.");
    expect(await runsAll("core-01")).not.toContain(id);
    await cluster.on("core-02", "sudo systemctl stop fleet; sudo systemctl start fleet");
    await eventually("it is back", async () =>
      (await cluster.on("core-01", "fleetctl list-machines --full")).includes(id),
    );
    await cluster.on("core-01", "fleetctl start one@7");
    expect(await cluster.on("core-01", "fleetctl list-units --full")).not.toContain(id);
    const why = await cluster.on("core-03", "fleetctl explain one@7");
    expect(why).toContain("Machine is cordoned and takes no units");
    await cluster.on("core-01", `fleetctl uncordon ${id}; fleetctl destroy one@7`);
    await cluster.on("core-01", "fleetctl start one@8");
    expect(await cluster.on("core-01", "fleetctl list-units --full")).toContain(id);
    await cluster.on("core-01", "fleetctl destroy one@8");
  });
});

describe("a machine is replaced for good", () => {
  it("when it follows in etcd", async () => {
    const leader = await etcdLeader("core-01");
    expect(await replace(others(leader)[0] ?? "")).toBe(3);
  });

  it("when it leads etcd", async () => {
    expect(await replace(await etcdLeader("core-01"))).toBe(3);
  });

  it("when it is dead", async () => {
    await cluster.must("kill", "core-03");
    await cluster.must("destroy", "core-03");
    await cluster.must("up");
    await runsAll("core-03");
    expect((await cluster.on("core-01", "ETCDCTL_API=2 etcdctl member list")).split("\n")).toHaveLength(3);
  });
});

describe("the number of machines changes", () => {
  const setCount = async (count: number): Promise<void> => {
    const file = join(cluster.dir, "cluster.yaml");
    const spec = parse(await readFile(file, "utf8")) as { machines?: object };
    await writeFile(file, stringify({ ...spec, machines: { ...spec.machines, count } }));
  };

  it("goes up to four and down again, and says so first", async () => {
    await setCount(4);
    expect(await cluster.must("up", "--dry-run")).toContain("core-04: creating");
    await cluster.must("up");
    expect((await cluster.on("core-04", "fleetctl list-machines --no-legend")).split("\n")).toHaveLength(4);
    await setCount(3);
    expect(await cluster.must("up", "--prune", "--dry-run")).toContain("core-04: moving its units");
    await cluster.must("up", "--prune");
    await runsAll("core-01");
    await eventually("three are left", async () => {
      const table = await cluster.on("core-01", "fleetctl list-machines --no-legend");
      return table.split("\n").length === 3;
    });
  });
});

describe("etcd is lost", () => {
  it("halts a node within bounds, and leaves the units of others alone", async () => {
    const before = await invocations(["core-01"]);
    await cluster.must("kill", "core-02", "core-03");
    await cluster.on("core-01", "sleep 6");
    expect(await invocations(["core-01"])).toEqual(before);
    const begin = performance.now();
    await cluster.must("halt", "core-01");
    expect(performance.now() - begin).toBeLessThan(20_000);
  });
});
