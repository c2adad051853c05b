import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, testCluster, type TestCluster } from "../support/cluster.ts";

/** The stories that need six machines: templates, units that belong together, units that must stay apart. */

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await testCluster({ example: "six" });
  await cluster.must("up");
});
afterAll(async () => cluster?.[Symbol.asyncDispose]());

/** A service that does nothing but live, with this [X-Fleet] section. */
const sleeper = (xFleet: string): string =>
  `[Unit]\nDescription=Sleeps\n[Service]\nExecStart=/bin/sleep infinity\n${xFleet === "" ? "" : `[X-Fleet]\n${xFleet}\n`}`;

interface Row {
  readonly unit: string;
  readonly machine: string;
  readonly active: string;
}

/** What `fleetctl list-units` says, asked on a node that takes no other part. */
async function listUnits(): Promise<Row[]> {
  const table = await cluster.on("core-06", "fleetctl list-units --no-legend");
  return table
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split(/\t+/))
    .map(([unit = "", machine = "", active = ""]) => ({ unit, machine, active }));
}

const running = (rows: readonly Row[], pattern: RegExp): Row[] =>
  rows.filter((row) => pattern.test(row.unit) && row.active === "active");

async function clear(): Promise<void> {
  const files = await cluster.on("core-01", "fleetctl list-unit-files --no-legend --fields=unit");
  const names = files.split("\n").filter((name) => name !== "");
  if (names.length > 0) await cluster.on("core-01", `fleetctl destroy ${names.join(" ")}`);
  await eventually("no unit is left", async () => (await listUnits()).length === 0);
}

describe("a machine that is no member of etcd", () => {
  it("answers etcdctl and curl all the same, on the old port too", async () => {
    const members = (await cluster.on("core-06", "ETCDCTL_API=3 etcdctl member list")).split("\n");
    expect(members).toHaveLength(3);
    await cluster.on("core-06", "etcdctl set /from-outside yes");
    expect(await cluster.on("core-05", "etcdctl get /from-outside")).toBe("yes");
    const answer = await cluster.on("core-04", "curl -sS http://127.0.0.1:4001/v2/keys/from-outside");
    expect(JSON.parse(answer)).toMatchObject({ node: { value: "yes" } });
  });
});

describe("templates", () => {
  it("runs six instances, one on each node (F1)", async () => {
    await cluster.must("cp", `${cluster.dir}/services/python-test@.service`, "core-01:python-test@.service");
    await cluster.on("core-01", "fleetctl submit python-test@.service");
    await cluster.on("core-01", "fleetctl start python-test@1 python-test@2 python-test@random");
    await cluster.on("core-01", "bash -c 'fleetctl start python-test@{3..5}'");
    const rows = running(await listUnits(), /^python-test@/);
    expect(rows.map((row) => row.unit).toSorted()).toEqual(
      ["1", "2", "3", "4", "5", "random"].map((instance) => `python-test@${instance}.service`),
    );
    expect(new Set(rows.map((row) => row.machine)).size).toBe(6);
    await clear();
  });
});

describe("together", () => {
  it("puts each pair on one machine, started in one command (G1)", async () => {
    await cluster.put("core-01", "hello-world@.service", sleeper(""));
    await cluster.put("core-01", "python-test@.service", sleeper("MachineOf=hello-world@%i.service"));
    await cluster.on("core-01", "fleetctl submit hello-world@.service python-test@.service");
    await cluster.on("core-01", "bash -c 'fleetctl start {hello-world,python-test}@{1..4}'");
    const rows = running(await listUnits(), /@/);
    expect(rows).toHaveLength(8);
    for (const pair of ["1", "2", "3", "4"]) {
      const machines = rows.filter((row) => row.unit.endsWith(`@${pair}.service`)).map((row) => row.machine);
      expect(machines).toHaveLength(2);
      expect(new Set(machines).size).toBe(1);
    }
  });

  it("stops the follower when its peer is destroyed, and brings it back with it (G2)", async () => {
    await cluster.on("core-01", "fleetctl destroy hello-world@4");
    await eventually("python-test@4 is gone from list-units", async () =>
      (await listUnits()).every((row) => row.unit !== "python-test@4.service"),
    );
    const files = await cluster.on("core-02", "fleetctl list-unit-files --no-legend --fields=unit,dstate");
    expect(files).toMatch(/^python-test@4\.service\tlaunched$/m);
    await cluster.on("core-01", "fleetctl start hello-world@4");
    await eventually("python-test@4 runs beside it again", async () => {
      const pair = running(await listUnits(), /@4\.service$/);
      return pair.length === 2 && pair[0]?.machine === pair[1]?.machine;
    });
    await clear();
  });

  it("starts a pair in the order of the files, also where it goes after a drain", async () => {
    const database = sleeper("").replace("ExecStart=", "ExecStartPre=/bin/sleep 2\nExecStart=");
    const website = sleeper("MachineOf=database.service");
    await cluster.put("core-01", "database.service", database);
    const order = "After=database.service\nRequires=database.service\n[Service]";
    await cluster.put("core-01", "website.service", website.replace("[Service]", order));
    await cluster.on("core-01", "fleetctl start website.service database.service");
    /** When each of the two became active, in microseconds since the boot of their one machine. */
    const begun = async (): Promise<string[]> => {
      const pair = running(await listUnits(), /^(database|website)\.service$/);
      const [machine = "", ...others] = [...new Set(pair.map((row) => row.machine.slice(0, 8)))];
      if (pair.length < 2 || others.length > 0) return [];
      const ask = (unit: string): Promise<string> =>
        cluster.on(
          "core-06",
          `fleetctl ssh ${machine} systemctl show -p ActiveEnterTimestampMonotonic --value ${unit}`,
        );
      return [machine, await ask("database.service"), await ask("website.service")];
    };
    const [first = "", ...times] = await begun();
    expect(Number(times[0])).toBeGreaterThan(0);
    expect(Number(times[0])).toBeLessThanOrEqual(Number(times[1]));
    await cluster.on("core-01", `fleetctl drain ${first}`);
    const [second, ...later] = await eventually("both run elsewhere", async () => {
      const found = await begun();
      return found.length === 3 && found[0] !== first && found;
    });
    expect(second).not.toBe(first);
    expect(Number(later[0])).toBeLessThanOrEqual(Number(later[1]));
    await cluster.on("core-01", `fleetctl uncordon ${first}`);
    await clear();
  });
});

describe("apart", () => {
  it("runs as many as fit, refuses the rest with the reason, starts them when there is room (H1)", async () => {
    await cluster.put("core-01", "alone@.service", sleeper("Conflicts=alone@*.service"));
    await cluster.on("core-01", "fleetctl submit alone@.service");
    await cluster.on("core-01", "bash -c 'fleetctl start alone@{1..6}'");
    const begun = performance.now();
    const refused = await cluster.try("core-01", "fleetctl start alone@7");
    expect(performance.now() - begun).toBeLessThan(5_000);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("found conflict with locally-scheduled Unit");
    const rows = running(await listUnits(), /^alone@/);
    expect(rows).toHaveLength(6);
    expect(new Set(rows.map((row) => row.machine)).size).toBe(6);
    await cluster.on("core-01", "fleetctl stop alone@3");
    await cluster.on("core-01", "fleetctl unload alone@3");
    await eventually(
      "alone@7 takes the room",
      async () => running(await listUnits(), /^alone@7/).length === 1,
    );
    await clear();
  });

  it("runs a global unit everywhere and honours metadata and machine id (H2)", async () => {
    const id = await cluster.on("core-05", "cat /etc/machine-id");
    await cluster.put("core-01", "everywhere.service", sleeper("Global=true"));
    await cluster.put("core-01", "there.service", sleeper(`MachineID=${id}`));
    await cluster.put("core-01", "region.service", sleeper("MachineMetadata=region=north"));
    await cluster.on("core-01", "fleetctl start everywhere.service there.service region.service");
    await eventually(
      "the global unit runs on six",
      async () => running(await listUnits(), /^everywhere/).length === 6,
    );
    const rows = await listUnits();
    expect(running(rows, /^there/)[0]?.machine).toContain(id.slice(0, 8));
    const north = await cluster.on("core-06", "cat /etc/machine-id");
    expect(running(rows, /^region/)[0]?.machine).toContain(north.slice(0, 8));
    await clear();
  });

  it("lets a unit take another's place (H2, Replaces)", async () => {
    await cluster.put("core-01", "old.service", sleeper(""));
    await cluster.put("core-01", "new.service", sleeper("Replaces=old.service"));
    await cluster.on("core-01", "fleetctl start old.service");
    await cluster.on("core-01", "fleetctl start new.service");
    await eventually("both run, apart", async () => {
      const rows = running(await listUnits(), /^(old|new)\.service$/);
      return rows.length === 2 && rows[0]?.machine !== rows[1]?.machine;
    });
    await clear();
  });
});
