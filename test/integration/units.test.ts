import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const units = resolve(import.meta.dirname, "../../templates/node/rootfs/usr/lib/systemd/system");
const names = readdirSync(units).filter((name) => /\.(service|socket)$/.test(name));
let root: string;

/** systemd-analyze looks for the programs that units start: a root of its own has them all. */
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "units-"));
  await execa("cp", ["-rT", resolve(units, "../../../.."), root]);
  await mkdir(join(root, "opt/bin"), { recursive: true });
  await mkdir(join(root, "usr/bin"), { recursive: true });
  const programs = ["opt/bin/fleetd", "opt/bin/flotilla-cloudinit", "usr/bin/etcd", "usr/bin/ssh-agent"];
  for (const path of [...programs, "usr/lib/systemd/systemd-socket-proxyd"]) {
    await writeFile(join(root, path), "#!/bin/sh\n", { mode: 0o755 });
  }
  const ours = new Set(names);
  const system = "/usr/lib/systemd/system";
  for (const name of readdirSync(system).filter(
    (name) => /\.(target|mount|slice)$/.test(name) && !ours.has(name),
  )) {
    await execa("cp", ["-rL", join(system, name), join(root, system)]);
  }
  for (const name of ["docker.service", "dbus.service", "dbus.socket"]) {
    await writeFile(
      join(root, system, name),
      name.endsWith("socket") ? "[Socket]\nListenStream=/run/x\n" : "[Service]\nExecStart=/usr/bin/etcd\n",
    );
  }
});

afterAll(async () => await rm(root, { recursive: true, force: true }));

describe("the units of a node", () => {
  it.each(names)("systemd finds nothing wrong with %s", async (name) => {
    const argv = [
      "verify",
      "--man=no",
      "--generators=no",
      `--root=${root}`,
      `/usr/lib/systemd/system/${name}`,
    ];
    const { stderr, exitCode } = await execa("systemd-analyze", argv, { reject: false });
    expect({ exitCode, complaints: stderr }).toEqual({ exitCode: 0, complaints: "" });
  });
});

describe("the scripts of a node", () => {
  it.each(["usr/lib/flotilla/load-ssh-keys", "etc/profile.d/flotilla.sh"])(
    "the shell can read %s",
    async (path) => {
      const { exitCode, stderr } = await execa("sh", ["-n", join(root, path)], { reject: false });
      expect([exitCode, stderr]).toEqual([0, ""]);
    },
  );
});
