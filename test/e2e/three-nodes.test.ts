import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mkdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { eventually, onHost, root, testCluster, type TestCluster } from "../support/cluster.ts";

/** The stories of a cluster of three: etcd by hand, fleet by hand, self-healing, a node that dies. */

const nodes = ["core-01", "core-02", "core-03"];
let cluster: TestCluster;

beforeAll(async () => {
  const dropIn = { name: "50-test.conf", content: "[Service]\nEnvironment=FROM_USER_DATA=yes\n" };
  cluster = await testCluster({
    example: "demo",
    change: { userData: { coreos: { units: [{ name: "docker.service", drop_ins: [dropIn] }] } } },
  });
  await cluster.must("up");
});
afterAll(async () => cluster?.[Symbol.asyncDispose]());

/** Lines of a table without its legend, split at tabs. */
const rows = (table: string): string[][] =>
  table
    .trimEnd()
    .split("\n")
    .slice(1)
    .map((line) => line.split(/\t+/));

/** The machines (by name) on which systemd itself says that the unit is active. */
async function activeOn(unit: string, among = nodes): Promise<string[]> {
  const states = await Promise.all(
    among.map(async (node) => ({
      node,
      state: (await cluster.try(node, `systemctl is-active ${unit}`)).stdout.trim(),
    })),
  );
  return states.filter(({ state }) => state === "active").map(({ node }) => node);
}

const activeOnOne = (unit: string, among = nodes): Promise<string> =>
  eventually(`${unit} is active on exactly one of ${among.join(", ")}`, async () => {
    const on = await activeOn(unit, among);
    return on.length === 1 && on[0];
  });

/** The 32-digit machine id of a node. */
const machineIdOf = (node: string): Promise<string> => cluster.on(node, "cat /etc/machine-id");

describe("etcd by hand", () => {
  it("gives a key that was set on one node on another (B1)", async () => {
    expect(await cluster.on("core-01", "etcdctl set /key1 value1")).toBe("value1");
    expect(await cluster.on("core-02", "etcdctl get /key1")).toBe("value1");
  });

  it("answers curl on its old port (B2)", async () => {
    await cluster.on("core-01", "curl -sSL -X PUT http://127.0.0.1:4001/v2/keys/key2 -d value=value2");
    const answer = await cluster.on("core-02", "curl -sSL http://127.0.0.1:4001/v2/keys/key2");
    expect(JSON.parse(answer)).toMatchObject({ action: "get", node: { key: "/key2", value: "value2" } });
  });

  it("forgets a key when its time is over (B3)", async () => {
    await cluster.on("core-01", "etcdctl set /key3 value3 --ttl 15");
    expect(await cluster.on("core-02", "etcdctl get /key3")).toBe("value3");
    const gone = await eventually("the key is gone", async () => {
      const answer = await cluster.try("core-02", "etcdctl get /key3");
      return answer.code !== 0 && answer;
    });
    expect(gone.stderr).toMatch(/key not found/i);
  });

  it("lists, helps, and keeps v3 keys apart (B4)", async () => {
    await cluster.on("core-01", "etcdctl set /dir/inner value");
    expect((await cluster.on("core-03", "etcdctl ls")).split("\n")).toContain("/dir");
    expect((await cluster.on("core-03", "etcdctl ls --recursive")).split("\n")).toContain("/dir/inner");
    expect(await cluster.on("core-03", "etcdctl help")).toContain("set");
    await cluster.on("core-01", "ETCDCTL_API=3 etcdctl put /only-v3 hello");
    expect(await cluster.on("core-02", "ETCDCTL_API=3 etcdctl get /only-v3")).toBe("/only-v3\nhello");
    expect((await cluster.try("core-02", "etcdctl get /only-v3")).code).not.toBe(0);
  });

  it("speaks v2 in login shells and under sudo as well", async () => {
    await cluster.on("core-01", "etcdctl set /where any");
    expect(await cluster.on("core-02", "bash -lc 'etcdctl get /where'")).toBe("any");
    expect(await cluster.on("core-03", "sudo etcdctl get /where")).toBe("any");
  });
});

describe("cloud-config", () => {
  it("reaches a service that systemd had already read when the node booted", async () => {
    const environ = "sudo cat /proc/$(systemctl show docker -p MainPID --value)/environ";
    expect((await cluster.on("core-01", environ)).split("\0")).toContain("FROM_USER_DATA=yes");
  });
});

describe("hello.service, which cluster.yaml names", () => {
  it("runs in docker on one machine, from the cluster's own mirror (I)", async () => {
    const node = await activeOnOne("hello.service");
    expect(await cluster.on(node, "docker ps --format '{{.Names}} {{.Image}}'")).toBe("hello busybox");
    await eventually("it says hello", async () =>
      (await cluster.on(node, "docker logs --tail 1 hello")).includes("Hello World"),
    );
  });
});

describe("fleet by hand", () => {
  it("lists the same machines everywhere (C1)", async () => {
    const tables = await Promise.all(nodes.map((node) => cluster.on(node, "fleetctl list-machines")));
    expect(new Set(tables).size).toBe(1);
    expect(tables[0]?.split("\n")[0]).toMatch(/^MACHINE\t+IP\t+METADATA$/);
    expect(rows(tables[0] ?? "").map(([, ip]) => ip)).toHaveLength(3);
  });

  it("answers the host through a tunnel, and says what mends a missing agent (C2)", async () => {
    const fleetctl = `'${process.execPath}' '${join(root, "dist/fleetctl.js")}'`;
    const clusterCommand = `'${process.execPath}' '${join(root, "dist/cluster.js")}' --cluster '${cluster.dir}'`;
    const script = `eval "$(${clusterCommand} env)" && echo "$FLEETCTL_TUNNEL" && ${fleetctl} list-machines; code=$?
      [ -n "$SSH_AGENT_PID" ] && kill "$SSH_AGENT_PID"; exit $code`;
    const through = await onHost("bash", ["-c", script]);
    expect(through.stderr).toBe("");
    expect(through.stdout).toMatch(/^127\.0\.0\.1:\d+$/m);
    expect(through.stdout).toContain(await cluster.on("core-02", "fleetctl list-machines"));

    const without = await onHost("bash", [
      "-c",
      `unset SSH_AUTH_SOCK; ${fleetctl} --tunnel 127.0.0.1:2222 list-machines`,
    ]);
    expect(without.code).not.toBe(0);
    expect(without.stderr).toContain("cluster env");
  });

  it("opens an interactive shell through the tunnel, and lends the agent with -A", async () => {
    const fleetctl = `'${process.execPath}' '${join(root, "dist/fleetctl.js")}'`;
    const clusterCommand = `'${process.execPath}' '${join(root, "dist/cluster.js")}' --cluster '${cluster.dir}'`;
    const id = await machineIdOf("core-03");
    const script = `eval "$(${clusterCommand} env)"
      printf 'tty; echo "on $(hostname)"; exit 7\n' | script -qec "${fleetctl} ssh ${id}" /dev/null; echo "code $?"
      ${fleetctl} ssh -A ${id} 'for lent in /tmp/ssh-*/agent.*; do echo "agent $lent"; SSH_AUTH_SOCK=$lent ssh-add -l; done'; echo "lent $?"
      [ -n "$SSH_AGENT_PID" ] && kill "$SSH_AGENT_PID"`;
    const { stdout } = await onHost("bash", ["-c", script]);
    expect(stdout).toMatch(/\/dev\/pts\/\d+/);
    expect(stdout).toContain("on core-03");
    expect(stdout).toMatch(/^code 7$/m);
    expect(stdout).toMatch(/^agent \/tmp\/ssh-/m);
    expect(stdout).toMatch(/^256 SHA256:/m);
    expect(stdout).toMatch(/^lent 0$/m);
  });

  it("takes a unit, shows it and its hash (C3)", async () => {
    const unit = await readFile(join(cluster.dir, "services/python-test.service"), "utf8");
    await cluster.put("core-01", "python-test.service", unit);
    await cluster.on("core-01", "fleetctl submit python-test.service");
    const [row] = rows(await cluster.on("core-02", "fleetctl list-unit-files")).filter(
      ([name]) => name === "python-test.service",
    );
    expect(row?.slice(1)).toEqual([expect.stringMatching(/^[0-9a-f]{7}$/), "inactive", "inactive", "-"]);
    expect(await cluster.on("core-03", "fleetctl cat python-test.service")).toContain(
      "jlordiales/python-micro-service",
    );
  });

  it("loads and starts it, and says where (C4)", async () => {
    expect(await cluster.on("core-02", "fleetctl load python-test.service")).toMatch(
      /^Unit python-test\.service loaded on [0-9a-f]{8}\.\.\.\/192\.168\.\d+\.\d+$/,
    );
    expect(await cluster.on("core-02", "fleetctl start python-test.service")).toMatch(
      /^Unit python-test\.service launched on [0-9a-f]{8}\.\.\.\/192\.168\.\d+\.\d+$/,
    );
    expect(await activeOnOne("python-test.service")).toMatch(/^core-0\d$/);
  });

  it("shows units and their status from every node (C5, J1)", async () => {
    for (const node of nodes) {
      const [row] = rows(await cluster.on(node, "fleetctl list-units")).filter(
        ([name]) => name === "python-test.service",
      );
      expect(row?.slice(2)).toEqual(["active", "running"]);
      const status = await cluster.on(node, "fleetctl status python-test.service");
      expect(status).toContain("Active: active (running)");
      expect(status).toContain("docker run --name python-service");
      expect(await cluster.on(node, "bash -lc 'fleetctl status hello.service'")).toContain("Active: active");
    }
  });

  it("opens a shell on a machine by the beginning of its id; the container answers (C6)", async () => {
    const node = await activeOnOne("python-test.service");
    const id = (await machineIdOf(node)).slice(0, 8);
    const from = nodes.find((other) => other !== node) ?? "";
    expect(await cluster.on(from, `fleetctl ssh ${id} hostname`)).toBe(node);
    const port = await cluster.on(from, `fleetctl ssh ${id} docker port python-service 5000`);
    const answer = await cluster.on(node, `curl -sS localhost:${/:(\d+)/.exec(port)?.[1]}`);
    const container = await cluster.on(node, "docker ps -q --filter name=python-service");
    expect(answer).toBe(`Hello World from ${container}`);
  });

  it("follows a unit's journal (C7)", async () => {
    const from = "core-03";
    const following = cluster.spawn("ssh", from, "--", "fleetctl journal -f hello.service");
    let text = "";
    following.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
    await eventually("three lines come", async () => (text.match(/Hello World/g) ?? []).length >= 13);
    following.kill("SIGINT");
    await following;
    expect(text).toContain("Hello World");
  });
});

describe("a bundle for a bug report", () => {
  it("has what every machine says, for its owner alone, and no key", async () => {
    const path = join(cluster.dir, "bundle.tar.gz");
    expect(JSON.parse(await cluster.must("collect", "--json", "--out", path))).toMatchObject({ missing: [] });
    expect((await stat(path)).mode & 0o777).toBe(0o600);

    const folder = join(cluster.dir, "unpacked");
    await mkdir(folder);
    await onHost("tar", ["-xzf", path, "-C", folder, "--strip-components=1"]);
    const read = (name: string): Promise<string> => readFile(join(folder, name), "utf8");
    for (const node of nodes) {
      const [, applied = ""] = (await read(`machines/${node}/cloud-config.txt`)).split("\n");
      expect(JSON.parse(applied)).toMatchObject({ ok: true });
      expect(await read(`machines/${node}/etcd.txt`)).toContain("is healthy");
      expect(await read(`machines/${node}/fleet.txt`)).toContain("hello.service");
      expect(await read(`machines/${node}/journal.txt`)).toContain("fleet");
    }
    const keys = join(cluster.dir, ".state/keys");
    const lines = (await readFile(join(keys, "operator"), "utf8")).split("\n").slice(1, -2);
    const token = (await readFile(join(keys, "etcd-token"), "utf8")).trim();
    const secrets = [...lines, token].flatMap((secret) => ["-e", secret]);
    expect(await onHost("grep", ["-rlF", ...secrets, folder])).toMatchObject({ code: 1, stdout: "" });
  });
});

describe("self-healing on one node", () => {
  it("starts a new container when one is killed (D1)", async () => {
    const node = await activeOnOne("python-test.service");
    const before = await cluster.on(node, "docker ps -q --filter name=python-service");
    await cluster.on(node, "docker kill python-service");
    const after = await eventually("another container runs", async () => {
      const id = (await cluster.try(node, "docker ps -q --filter name=python-service")).stdout.trim();
      return id !== "" && id !== before && id;
    });
    expect(after).not.toBe(before);
  });

  it("leaves a container alone that was stopped on purpose (D2)", async () => {
    const node = await activeOnOne("python-test.service");
    await cluster.on(node, "docker stop python-service");
    await eventually("systemd notices", async () =>
      (await cluster.try(node, "systemctl is-active python-test.service")).stdout.includes("inactive"),
    );
    const state = await cluster.on(node, "systemctl show -p NRestarts,Result,SubState python-test.service");
    expect(state).toContain("Result=success");
    expect(state).toContain("SubState=dead");
  });

  it("stops the unit with docker (D3)", async () => {
    const node = await activeOnOne("hello.service");
    await cluster.on(node, "sudo systemctl stop docker.socket docker.service");
    expect((await cluster.try(node, "systemctl is-active hello.service")).stdout.trim()).not.toBe("active");
    await cluster.on(node, "sudo systemctl start docker.service");
    await cluster.on(node, "sudo systemctl start hello.service");
    expect(await activeOnOne("hello.service")).toBe(node);
  });
});

describe("a node dies", () => {
  const others = (node: string): string[] => nodes.filter((other) => other !== node);

  it.each(["halt", "kill"])("moves the unit when its machine is gone: %s (E1)", async (verb) => {
    const node = await activeOnOne("hello.service");
    await cluster.must(verb, node);
    const elsewhere = await activeOnOne("hello.service", others(node));
    expect(elsewhere).not.toBe(node);
    const asked = others(node).find((other) => other !== elsewhere) ?? "";
    const table = await cluster.on(asked, "fleetctl list-units");
    expect(rows(table).filter(([name]) => name === "hello.service")).toHaveLength(1);
    expect((await cluster.run("status")).code).toBe(1);
    await cluster.must("up");
    expect(await activeOnOne("hello.service")).toBe(elsewhere);
    expect(await cluster.on(node, "fleetctl status hello.service")).toContain("Active: active");
  });

  it("reloads one after the other, never two copies, and ends on the third (E2)", async () => {
    await cluster.on("core-01", "fleetctl destroy python-test.service");
    await cluster.must("reload", "core-02", "core-01");
    expect(await activeOnOne("hello.service")).toBe("core-03");
  });

  it("comes back by itself when someone types reboot", async () => {
    const node = await activeOnOne("hello.service");
    const before = await cluster.on(node, "cat /proc/sys/kernel/random/boot_id; cat /etc/machine-id");
    await cluster.try(node, "sudo reboot");
    await eventually(
      "all machines are listed again",
      async () => rows(await cluster.on(node, "fleetctl list-machines")).length === 3,
      60_000,
    );
    expect(await machineIdOf(node)).toBe(before.split("\n")[1]);
    expect(await activeOnOne("hello.service")).toMatch(/core/);
  });
});
