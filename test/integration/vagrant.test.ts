import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ProviderName } from "../../src/spec/model.ts";
import { aCluster, vagrantFolderOf } from "../support/rendered-cluster.ts";

const loader = fileURLToPath(new URL("../support/vagrant-config.rb", import.meta.url));

/** What test/support/vagrant-config.rb prints of one machine. */
interface Machine {
  readonly errors: readonly string[];
  readonly hostname: string;
  readonly box: readonly (string | null)[];
  readonly networks: readonly Readonly<Record<string, unknown>>[];
  readonly sources: readonly string[];
  readonly provisions: readonly string[];
  readonly guest: string | null;
  readonly folders: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly ssh: { readonly user: string; readonly insert_key: boolean; readonly keys: readonly string[] };
  readonly modifyvm: Readonly<Record<string, string>>;
}

let scratch = "";
const executable = { source: "", sha256: "0123456789abcdef".repeat(4) };
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "flotilla vagrant's "));
  executable.source = join(scratch, "flotilla-node");
  await writeFile(executable.source, "");
});
afterAll(async () => {
  await rm(scratch, { recursive: true, force: true });
});

async function render(name: string, lines: string, provider: ProviderName = "virtualbox"): Promise<string> {
  const folder = join(scratch, name);
  for (const { path, content, mode } of vagrantFolderOf(aCluster(lines), provider, { executable })) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content, { mode });
  }
  return folder;
}

/** Runs a program as a user would who has nothing but Vagrant. */
async function run(
  program: string,
  args: readonly string[],
  cwd: string,
): Promise<{ code: number; output: string }> {
  const env = { VAGRANT_HOME: join(scratch, "home"), VAGRANT_CHECKPOINT_DISABLE: "1", VAGRANT_NO_COLOR: "1" };
  const { exitCode, all } = await execa(program, args, {
    cwd,
    env,
    all: true,
    reject: false,
    stdin: "ignore",
  });
  return { code: exitCode ?? -1, output: all };
}

/** What Vagrant makes of these folders, or says of them. */
async function load(...folders: string[]): Promise<Readonly<Record<string, Machines | string>>> {
  const { code, output } = await run("ruby", [loader, ...folders], scratch);
  expect(code, output).toBe(0);
  return JSON.parse(output) as Record<string, Machines | string>;
}

type Machines = Readonly<Record<string, Machine>>;

async function loadOne(folder: string): Promise<Machines> {
  const loaded = (await load(folder))[folder];
  if (typeof loaded === "object") return loaded;
  throw new Error(loaded);
}

const clusters: Readonly<Record<string, readonly [lines: string, provider?: ProviderName]>> = {
  "three machines": [""],
  "six machines": ["machines: {count: 6, prefix: Box-a, memory: 2048, cpus: 2}\nos: {channel: lts}"],
  "a proxy": [`proxy: {http: "http://me:p%40%27%23%7Bx%7D@proxy.example:3128", no: [.example.com]}`],
  forwards: ["ports: {4001: 4001, 8080: 18080}"],
  overrides: [
    `machines: {overrides: {core-02: {memory: 4096, cpus: 4}}}
network: {subnet: 192.168.60.0/25}
os: {channel: beta, version: "4757.1.0"}`,
  ],
  "docker's port": ["docker: {exposeTcp: true}"],
  "the serial log": ["vagrant: {serialLog: true, gui: true, cpuCap: 50}"],
  "the legacy CoreOS": ["os: {name: coreos, channel: alpha, version: 1122.3.0, mirror: https://m.example}"],
  "a mirror's Flatcar": ["os: {channel: beta, version: 4757.1.0, mirror: https://m.example/flatcar/}"],
  "a box at its own address": ["os: {version: 4757.1.0, mirror: https://m.example/flatcar.box}"],
  "Debian on libvirt": ["machines: {count: 1}", "libvirt"],
  "Debian on VirtualBox": ["os: {name: debian}"],
};

describe("the rendered Vagrant folder, read by Vagrant itself", () => {
  it.each(Object.entries(clusters))("is valid for %s", async (name, [lines, provider]) => {
    const folder = await render(name, lines, provider);
    const validated = await run("vagrant", ["validate", "--ignore-provider"], folder);
    expect(validated.output).toContain("Vagrantfile validated successfully.");
    expect(validated.code).toBe(0);
  });

  it("gives each machine its name, address, size, box and cloud-config", async () => {
    const folders = await Promise.all(
      Object.entries(clusters).map(async ([name, given]) => [name, await render(name, ...given)] as const),
    );
    const loaded = await load(...folders.map(([, folder]) => folder));
    for (const [name, folder] of folders) {
      const machines = loaded[folder] as Machines;
      const expected = aCluster(clusters[name]?.[0]).machines.map((machine) => machine.name);
      expect(Object.keys(machines), name).toEqual(expected);
      expect(
        Object.values(machines).flatMap(({ errors }) => errors),
        name,
      ).toEqual([]);
    }
    const of = (name: string, machine: string): Machine | undefined =>
      (loaded[join(scratch, name)] as Machines)[machine];
    expect(of("overrides", "core-02")).toMatchObject({
      hostname: "core-02",
      box: [
        "flatcar-beta",
        "https://beta.release.flatcar-linux.net/amd64-usr/4757.1.0/flatcar_production_vagrant.json",
        "4757.1.0",
      ],
      networks: [{ kind: "private_network", ip: "192.168.60.12", netmask: "255.255.255.128" }],
      sources: [executable.source, join(scratch, "overrides/cloud-config/core-02.yaml")],
      provisions: ["flotilla-node", "take-flotilla-node", "user-data always", "apply-user-data always"],
      folders: {},
      modifyvm: { "--memory": "4096", "--cpus": "4", "--cpuexecutioncap": "100" },
      ssh: { user: "core", insert_key: false },
    });
    expect(of("overrides", "core-01")?.modifyvm).toMatchObject({ "--memory": "1024", "--cpus": "1" });
    expect(of("overrides", "core-01")?.ssh.keys[0]).toBe(join(scratch, "overrides/ssh/operator"));
    expect(of("the serial log", "core-02")?.modifyvm).toMatchObject({
      "--uartmode1": join(scratch, "the serial log/log/core-02-serial.txt"),
      "--cpuexecutioncap": "50",
    });
    const boxes = ["the legacy CoreOS", "a mirror's Flatcar", "a box at its own address"];
    expect(boxes.map((name) => of(name, "core-01")?.box.join(" "))).toEqual([
      "coreos-alpha https://m.example/amd64-usr/1122.3.0/coreos_production_vagrant.json 1122.3.0",
      "flatcar-beta https://m.example/flatcar/amd64-usr/4757.1.0/flatcar_production_vagrant.json 4757.1.0",
      "flatcar-stable https://m.example/flatcar.box ",
    ]);
    expect(of("Debian on libvirt", "core-01")).toMatchObject({
      box: ["flotilla/debian", null, null],
      guest: "debian",
      provisions: ["user-data always", "apply-user-data always"],
    });
    const forwards = Object.values(loaded[join(scratch, "forwards")] as Machines).map(forwardsOf);
    expect(forwards).toEqual([[forward(4001, 4001), forward(8080, 18080)], [], []]);
    const docker = Object.values(loaded[join(scratch, "docker's port")] as Machines).map(forwardsOf);
    expect(docker).toEqual([[forward(2375, 2375)], [forward(2375, 2376)], [forward(2375, 2377)]]);
  });

  it("shares folders over NFS 4 and TCP", async () => {
    // Where the host has no NFS server, `vagrant validate` says so and stops: this is Vagrant's own view of the folder.
    const folder = await render("folders", "sharedFolders: [{host: ~/it's, guest: /work}]");
    const shared = { hostpath: join(homedir(), "it's"), type: "nfs", nfs_version: 4, nfs_udp: false };
    expect((await loadOne(folder))["core-03"]?.folders).toEqual({ "/work": shared });
  });

  it("obeys what a user tries out in config.rb", async () => {
    const folder = await render("knobs", "");
    await edit(join(folder, "config.rb"), [
      ["$vm_memory = 1024", "$vm_memory = 3000"],
      ["$enable_serial_logging = false", "$enable_serial_logging = true"],
      ["$shared_folders = {}", "$shared_folders = { 'shared' => '/srv/shared' }\n$vb_cpus = 3"],
      ["$expose_docker_tcp = nil", "$expose_docker_tcp = 2375"],
    ]);
    const machine = (await loadOne(folder))["core-02"];
    expect(machine?.modifyvm).toMatchObject({ "--memory": "3000", "--cpus": "3" });
    expect(machine?.modifyvm["--uartmode1"]).toBe(join(folder, "log/core-02-serial.txt"));
    expect(machine?.folders["/srv/shared"]?.["hostpath"]).toBe(join(folder, "shared"));
    expect(machine?.networks).toContainEqual(forward(2375, 2376));
    expect(machine?.provisions.at(-1)).toBe("docker-tcp always");
  });

  it("stops where config.rb contradicts the machines' identity, and says where to change it", async () => {
    const changes = [
      ["$num_instances = 3", "$num_instances = 4"],
      ["$instance_name_prefix = 'core'", "$instance_name_prefix = 'node'"],
      ["$update_channel = 'stable'", "$update_channel = 'alpha'"],
      ["$new_discovery_url = nil", "$new_discovery_url = 'https://discovery.example'"],
    ] as const;
    const folders = await Promise.all(
      changes.map(async ([from, to]) => {
        const folder = await render(`identity ${to.replaceAll(/\W/g, "")}`, "");
        await edit(join(folder, "config.rb"), [[from, to]]);
        return folder;
      }),
    );
    const loaded = await load(...folders);
    for (const folder of folders) {
      expect(loaded[folder]).toContain("change cluster.yaml and run `cluster render`");
    }
  });

  it("is a shell's own language in what it runs on the machines", async () => {
    const text = await readFile(join(await render("scripts", ""), "Vagrantfile"), "utf8");
    const scripts = [...text.matchAll(/<<~'SHELL'\n(.*?)\n^SHELL$/gms)].map(([, script]) => script ?? "");
    expect(scripts).toHaveLength(3);
    for (const script of scripts) {
      expect(await run("sh", ["-nc", script], scratch)).toEqual({ code: 0, output: "" });
    }
  });
});

describe("the script that brings user-data to a machine", () => {
  /** Runs it as on a machine whose root is `root`, with a systemctl that writes down what it is asked. */
  async function apply(root: string, id: string, userData: string): Promise<readonly string[]> {
    const script = (await readFile(join(scratch, "scripts/Vagrantfile"), "utf8"))
      .match(/^apply_user_data = <<~'SHELL'\n(.*?)\n^SHELL$/ms)?.[1]
      ?.replaceAll(/(?<![\w/])\/(?=var|run|tmp|etc)/g, `${root}/`);
    for (const folder of ["bin", "var/lib", "run", "tmp", "etc"])
      await mkdir(join(root, folder), { recursive: true });
    await writeFile(join(root, "etc/os-release"), `ID=${id}\n`);
    await mkdir(join(root, "etc/ssh"), { recursive: true });
    await writeFile(join(root, "etc/ssh/ssh_host_ed25519_key.pub"), "a host key\n");
    const machineId = join(root, "etc/machine-id");
    if (!existsSync(machineId)) await writeFile(machineId, "made-at-first-boot\n");
    await writeFile(join(root, "tmp/flotilla-user-data"), userData);
    await writeFile(join(root, "calls"), "");
    const stub = `#!/bin/sh
case "$1" in
  is-active) test -e "${root}/active-$3" ;;
  cat) echo "$2 for"; cat "${root}/var/lib/coreos-vagrant/vagrantfile-user-data" ;;
  start) touch "${root}/active-$2"; echo "$*" >> "${root}/calls" ;;
  *) echo "$*" >> "${root}/calls" ;;
esac
`;
    await writeFile(join(root, "bin/systemctl"), stub, { mode: 0o755 });
    const { exitCode, all } = await execa(
      "sh",
      ["-c", script ?? "exit 9", "apply-user-data", "known-to-the-cluster"],
      {
        env: { PATH: `${join(root, "bin")}:/usr/bin:/bin` },
        extendEnv: false,
        all: true,
        reject: false,
      },
    );
    expect([exitCode, all]).toEqual([0, ""]);
    return (await readFile(join(root, "calls"), "utf8")).split("\n").slice(0, -1);
  }

  it("has Flatcar apply it now, restarts what it changes, and does nothing for what was applied before", async () => {
    await render("scripts", "");
    const root = await mkdtemp(join(tmpdir(), "machine-"));
    const unit = String.raw`user-cloudinit@var-lib-flatcar\x2dvagrant-vagrantfile\x2duser\x2ddata.service`;
    try {
      expect(await apply(root, "flatcar", "one")).toEqual([`start ${unit}`]);
      expect(await apply(root, "flatcar", "one")).toEqual([]);
      await writeFile(join(root, "active-docker"), "");
      expect(await apply(root, "flatcar", "two")).toEqual([`restart ${unit}`, "try-restart docker"]);
      for (const os of ["coreos", "flatcar"]) {
        const place = join(root, `var/lib/${os}-vagrant/vagrantfile-user-data`);
        expect([await readFile(place, "utf8"), (await stat(place)).mode & 0o777]).toEqual(["two", 0o600]);
      }
    } finally {
      await rm(root, { recursive: true });
    }
  });

  it("has our own system apply it where that looks for it", async () => {
    await render("scripts", "");
    const root = await mkdtemp(join(tmpdir(), "machine-"));
    try {
      expect(await apply(root, "debian", "one")).toEqual([
        "restart systemd-journald.service",
        "start flotilla-cloudinit.service",
      ]);
      expect(await readFile(join(root, "etc/machine-id"), "utf8")).toBe("known-to-the-cluster\n");
      expect(await apply(root, "debian", "two")).toEqual(["restart flotilla-cloudinit.service"]);
      expect(await readFile(join(root, "var/lib/flotilla/user-data"), "utf8")).toBe("two");
    } finally {
      await rm(root, { recursive: true });
    }
  });
});

function forward(guest: number, host: number): object {
  return { kind: "forwarded_port", host_ip: "127.0.0.1", auto_correct: true, guest, host };
}

function forwardsOf({ networks }: Machine): readonly object[] {
  return networks.filter(({ kind }) => kind === "forwarded_port");
}

async function edit(file: string, changes: readonly (readonly [string, string])[]): Promise<void> {
  let text = await readFile(file, "utf8");
  for (const [from, to] of changes) {
    expect(text).toContain(from);
    text = text.replace(from, () => to);
  }
  await writeFile(file, text);
}
