import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rubyLiteral, shellWord } from "../../src/provision/quote.ts";
import { aCluster, vagrantFolderOf } from "../support/rendered-cluster.ts";

const loader = fileURLToPath(new URL("../support/vagrant-config.rb", import.meta.url));

/** What test/support/vagrant-config.rb prints of one machine. */
interface Machine {
  readonly errors: readonly string[];
  readonly hostname: string;
  readonly box: readonly (string | null)[];
  readonly networks: readonly Readonly<Record<string, unknown>>[];
  readonly sources: readonly string[];
  readonly folders: readonly string[];
  readonly ssh: { readonly user: string; readonly insert_key: boolean; readonly keys: readonly string[] };
  readonly modifyvm: Readonly<Record<string, string>>;
}

let scratch = "";
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "flotilla vagrant's "));
});
afterAll(async () => {
  await rm(scratch, { recursive: true, force: true });
});

async function render(name: string, lines: string): Promise<string> {
  const folder = join(scratch, name);
  for (const { path, content, mode } of vagrantFolderOf(aCluster(lines))) {
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

async function load(folder: string): Promise<Readonly<Record<string, Machine>>> {
  const { code, output } = await run("ruby", [loader, folder], folder);
  expect(code, output).toBe(0);
  return JSON.parse(output) as Record<string, Machine>;
}

const clusters = {
  "three machines": "",
  "six machines": "machines: {count: 6, prefix: Box-a, memory: 2048, cpus: 2}\nos: {channel: lts}",
  "a proxy": `proxy: {http: "http://me:p%40'%23{x}@proxy.example:3128", no: [.example.com]}`,
  forwards: "ports: {4001: 4001, 8080: 18080}",
  overrides: `machines: {overrides: {core-02: {memory: 4096, cpus: 4}}}
network: {subnet: 192.168.60.0/25}
os: {channel: beta, version: "4757.1.0"}`,
  "one machine": "machines: {count: 1}",
};

describe("the rendered Vagrant folder, read by Vagrant itself", () => {
  it.each(Object.entries(clusters))("is valid for %s", async (name, lines) => {
    const folder = await render(name, lines);
    const validated = await run("vagrant", ["validate", "--ignore-provider"], folder);
    expect(validated.output).toContain("Vagrantfile validated successfully.");
    expect(validated.code).toBe(0);
    const machines = await load(folder);
    expect(Object.keys(machines)).toEqual(aCluster(lines).machines.map((machine) => machine.name));
    expect(Object.values(machines).flatMap(({ errors }) => errors)).toEqual([]);
  });

  it("gives each machine its name, address, size, box and cloud-config", async () => {
    const folder = await render("sizes", clusters.overrides);
    const machines = await load(folder);
    expect(machines["core-02"]).toMatchObject({
      hostname: "core-02",
      box: [
        "flatcar-beta",
        "https://beta.release.flatcar-linux.net/amd64-usr/4757.1.0/flatcar_production_vagrant.json",
        "4757.1.0",
      ],
      networks: [{ kind: "private_network", ip: "192.168.60.12", netmask: "255.255.255.128" }],
      sources: [join(folder, "cloud-config/core-02.yaml")],
      folders: [],
      modifyvm: { "--memory": "4096", "--cpus": "4", "--cpuexecutioncap": "100" },
      ssh: { user: "core", insert_key: false },
    });
    expect(machines["core-01"]?.modifyvm).toMatchObject({ "--memory": "1024", "--cpus": "1" });
    expect(machines["core-01"]?.ssh.keys[0]).toBe(join(folder, "ssh/operator"));
  });

  it("forwards ports to the first machine, on loopback only", async () => {
    const machines = await load(await render("ports", clusters.forwards));
    const forwards = Object.values(machines).map(({ networks }) =>
      networks.filter(({ kind }) => kind === "forwarded_port"),
    );
    const common = { kind: "forwarded_port", host_ip: "127.0.0.1", auto_correct: true };
    expect(forwards).toEqual([
      [
        { ...common, guest: 4001, host: 4001 },
        { ...common, guest: 8080, host: 18080 },
      ],
      [],
      [],
    ]);
  });

  it("obeys what a user tries out in config.rb", async () => {
    const folder = await render("knobs", "");
    await edit(join(folder, "config.rb"), [
      ["$vm_memory = 1024", "$vm_memory = 3000"],
      ["$enable_serial_logging = false", "$enable_serial_logging = true"],
      ["$shared_folders = {}", "$shared_folders = { '/srv' => '/srv/shared' }\n$vb_cpus = 3"],
      ["$expose_docker_tcp = nil", "$expose_docker_tcp = 2375"],
    ]);
    const machine = (await load(folder))["core-02"];
    expect(machine?.modifyvm).toMatchObject({ "--memory": "3000", "--cpus": "3" });
    expect(machine?.modifyvm["--uartmode1"]).toBe(join(folder, "log/core-02-serial.txt"));
    expect(machine?.folders).toEqual(["/srv/shared"]);
    expect(machine?.networks).toContainEqual(
      expect.objectContaining({ guest: 2375, host: 2376, host_ip: "127.0.0.1" }),
    );
  });

  it.each([
    ["$num_instances = 3", "$num_instances = 4"],
    ["$instance_name_prefix = 'core'", "$instance_name_prefix = 'node'"],
    ["$update_channel = 'stable'", "$update_channel = 'alpha'"],
    ["$new_discovery_url = nil", "$new_discovery_url = 'https://discovery.example'"],
  ])("stops when %s becomes %s, and says where to change it", async (from, to) => {
    const folder = await render(`identity ${to.replaceAll(/\W/g, "")}`, "");
    await edit(join(folder, "config.rb"), [[from, to]]);
    const { code, output } = await run("vagrant", ["validate", "--ignore-provider"], folder);
    expect(code).not.toBe(0);
    expect(output).toContain("change cluster.yaml and run `cluster render`");
  });
});

describe("quoting, read by the languages themselves", () => {
  const texts = fc.sample(
    fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({
        unit: fc.constantFrom("'", '"', "\\", "#", "{", "}", "$", "`", "\n", "\r", "%", " ", "a"),
      }),
      fc.constantFrom("\n__END__\n", "#{exit 3}", "'+exit(3)+'", "\\", "\\'", "é🙂", "\u2028", "\uFEFF"),
    ),
    { numRuns: 300, seed: 1 },
  );

  it("Ruby reads what was written", async () => {
    const file = join(scratch, "texts.rb");
    await writeFile(file, `require 'json'\ntexts = ${rubyLiteral(texts)}\nputs JSON.generate(texts)\n`);
    const { output } = await run("ruby", [file], scratch);
    expect(JSON.parse(output)).toEqual(texts);
  });

  it("the shell reads what was written", async () => {
    const words = texts.filter((text) => !text.includes("\0"));
    const file = join(scratch, "texts.sh");
    await writeFile(file, `printf '%s\\0' ${words.map(shellWord).join(" ")} > texts.out\n`);
    expect(await run("sh", [file], scratch)).toEqual({ code: 0, output: "" });
    expect((await readFile(join(scratch, "texts.out"), "utf8")).split("\0").slice(0, -1)).toEqual(words);
  });
});

async function edit(file: string, changes: readonly (readonly [string, string])[]): Promise<void> {
  let text = await readFile(file, "utf8");
  for (const [from, to] of changes) {
    expect(text).toContain(from);
    text = text.replace(from, () => to);
  }
  await writeFile(file, text);
}
