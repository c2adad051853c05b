import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { existsSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { execa } from "execa";
import { parse } from "yaml";
import type { ProviderName } from "../../src/spec/model.ts";
import { aCluster, userDataOf } from "../support/rendered-cluster.ts";
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
  await mkdir(join(root, "bin"), { recursive: true });
  const programs = [
    "opt/bin/fleetd",
    "opt/bin/flotilla-cloudinit",
    "usr/bin/etcd",
    "usr/bin/ssh-agent",
    "bin/kill",
  ];
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

describe("the units of a virtual machine's image", () => {
  it("systemd finds nothing wrong with them", async () => {
    const recipe = await readFile(
      resolve(import.meta.dirname, "../../templates/image/machine-customize.sh"),
      "utf8",
    );
    const files = [...recipe.matchAll(/cat >"\$root(\/\S+)" <<'END'\n([^]*?)\nEND\n/g)];
    const own = `${root}-image`;
    await execa("cp", ["-rT", root, own]);
    try {
      for (const [, path = "", content = ""] of [...files, ["", "/usr/bin/ssh-keygen", "#!/bin/sh"]]) {
        await mkdir(dirname(join(own, path)), { recursive: true });
        await writeFile(join(own, path), `${content}\n`, { mode: content.startsWith("#!") ? 0o755 : 0o644 });
      }
      await writeFile(
        join(own, "usr/lib/systemd/system/ssh.service"),
        "[Service]\nExecStart=/usr/bin/etcd\n",
      );
      const units = files.flatMap(([, path = ""]) => (path.endsWith(".service") ? [basename(path)] : []));
      expect(units).toEqual(["ssh-host-key.service", "grow-disk.service"]);
      const argv = ["verify", "--man=no", "--generators=no", `--root=${own}`, ...units];
      const { stderr, exitCode } = await execa("systemd-analyze", argv, { reject: false });
      expect({ exitCode, complaints: stderr }).toEqual({ exitCode: 0, complaints: "" });
    } finally {
      await rm(own, { recursive: true, force: true });
    }
  });
});

/** What nodes get besides by their cloud-config, on each system. */
const rendered: Readonly<Record<string, readonly [lines: string, provider: ProviderName, index: number]>> = {
  Flatcar: ["docker: {exposeTcp: true}\nproxy: {http: 'http://a:b%40c@p:1'}", "virtualbox", 1],
  "Flatcar without etcd": ["machines: {count: 4, metadata: {a: b}}", "virtualbox", 4],
  CoreOS: ["os: {name: coreos, mirror: https://m.example}\nproxy: {http: 'http://p:1'}", "virtualbox", 1],
  "Debian on libvirt": ["docker: {exposeTcp: true}\nproxy: {http: 'http://p:1'}", "libvirt", 1],
  "a container": ["docker: {exposeTcp: true}\nproxy: {http: 'http://a:b%40c@p:1'}", "nspawn", 1],
};

describe("the units and drop-ins of a cloud-config", () => {
  it.each(Object.entries(rendered))("systemd finds nothing wrong with those of %s", async (name, given) => {
    const [lines, provider, index] = given;
    const extras = { executable: "0123456789abcdef".repeat(4), insecureKey: "none" };
    const config = parse(userDataOf(aCluster(lines), index, provider, extras)) as CloudConfig;
    const own = join(root, "..", `${basename(root)}-${name.replaceAll(" ", "-")}`);
    await execa("cp", ["-rT", root, own]);
    try {
      const folder = join(own, "etc/systemd/system");
      await mkdir(folder, { recursive: true });
      const put = async (path: string, content: string): Promise<void> => {
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, content);
      };
      for (const unit of config.coreos.units) {
        const base = "[Service]\nExecStart=/usr/bin/etcd\n";
        const known = existsSync(join(own, "usr/lib/systemd/system", unit.name));
        if (unit.content !== undefined || !known) await put(join(folder, unit.name), unit.content ?? base);
        for (const dropIn of unit.drop_ins ?? [])
          await put(join(folder, `${unit.name}.d`, dropIn.name), dropIn.content);
      }
      for (const { path, content } of config.write_files)
        if (path.startsWith("/run/systemd/system/")) await put(join(folder, path.slice(20)), content);
      for (const path of ["usr/bin/docker", "usr/bin/systemctl", "usr/bin/ssh-add", "bin/sh", "usr/bin/rm"])
        await put(join(own, path), "#!/bin/sh\n");
      await execa("chmod", ["-R", "a+x", join(own, "usr/bin"), join(own, "bin")]);
      // networkd's files are no units: systemd cannot verify them.
      const units = config.coreos.units.filter(({ name: unit }) => !/\.(network|netdev|link)$/.test(unit));
      const names = units.map((unit) => unit.name.replace("@.", "@2379."));
      const argv = ["verify", "--man=no", "--generators=no", `--root=${own}`, ...names];
      const { stderr, exitCode } = await execa("systemd-analyze", argv, { reject: false });
      expect({ exitCode, complaints: stderr }).toEqual({ exitCode: 0, complaints: "" });
    } finally {
      await rm(own, { recursive: true, force: true });
    }
  });
});

interface CloudConfig {
  readonly write_files: readonly { readonly path: string; readonly content: string }[];
  readonly coreos: {
    readonly units: readonly {
      readonly name: string;
      readonly content?: string;
      readonly drop_ins?: readonly { readonly name: string; readonly content: string }[];
    }[];
  };
}

describe("the scripts of a node", () => {
  it.each(["usr/lib/flotilla/load-ssh-keys", "etc/profile.d/flotilla.sh"])(
    "the shell can read %s",
    async (path) => {
      const { exitCode, stderr } = await execa("sh", ["-n", join(root, path)], { reject: false });
      expect([exitCode, stderr]).toEqual([0, ""]);
    },
  );
});
