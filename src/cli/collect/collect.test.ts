import * as fc from "fast-check";
import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { memoryWorld, type MemoryWorld } from "../../../test/support/memory-world.ts";
import { runCluster, type Said } from "../../../test/support/run-cluster.ts";
import { hostExec, mustRun } from "../../foundation/exec.ts";
import { clusterRef } from "../../lifecycle/cluster.ts";

let memory: MemoryWorld;
let cwd: string;

beforeEach(async () => {
  memory = await memoryWorld();
  memory.programs.set("tar", hostExec());
  cwd = await mkdtemp(join(tmpdir(), "flotilla-collect-test-"));
  await writeFile(join(memory.dir, "cluster.yaml"), "version: 1\nname: demo\nmachines: {count: 2}\n");
});
afterEach(async () => {
  await memory[Symbol.asyncDispose]();
  await rm(cwd, { recursive: true, force: true });
});

const cluster = async (line: string, env: Record<string, string> = {}): Promise<Said> =>
  await runCluster(`${line} --cluster DIR`, { memory, cwd, env });

/** Every file of a bundle, by its name without the folder that all of them are in. */
async function unpack(path: string): Promise<ReadonlyMap<string, string>> {
  const folder = await mkdtemp(join(cwd, "unpacked-"));
  await mustRun(hostExec(), { argv: ["tar", "-xzf", path, "-C", folder] });
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const read = files.map(async ({ parentPath, name }) => {
    const file = join(parentPath, name);
    const inside = file.slice(folder.length + 1).replace(/^[^/\\]+[/\\]/, "");
    return [inside, await readFile(file, "utf8")] as const;
  });
  return new Map(await Promise.all(read));
}

async function collected(line = "collect --out bundle.tar.gz"): Promise<ReadonlyMap<string, string>> {
  const { code, stderr } = await cluster(line);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return await unpack(join(cwd, "bundle.tar.gz"));
}

interface Manifest {
  readonly files: readonly { readonly name: string; readonly reason: string; readonly bytes: number }[];
  readonly missing: readonly { readonly what: string; readonly why: string }[];
}

const manifestOf = (files: ReadonlyMap<string, string>): Manifest =>
  JSON.parse(files.get("manifest.json") ?? "") as Manifest;

const ofMachine = ["cloud-config.txt", "console.txt", "etcd.txt", "fleet.txt", "journal.txt", "system.txt"];

describe("cluster collect", () => {
  it("writes an archive for its owner alone into the working directory, and says what is in it", async () => {
    await cluster("up");
    const { code, stdout } = await cluster("collect");
    expect(code).toBe(0);
    const [name = ""] = (await readdir(cwd)).filter((one) => one.endsWith(".tar.gz"));
    expect(name).toMatch(/^flotilla-demo-\d{8}-\d{6}\.tar\.gz$/);
    expect((await stat(join(cwd, name))).mode & 0o777).toBe(0o600);
    expect(stdout.split("\n")[0]).toMatch(new RegExp(`^${join(cwd, name)} \\(\\d+ kB\\)$`));
    expect(stdout).toMatch(/ {2}machines\/core-02\/journal\.txt +\d+ kB +what our services/);
    expect(stdout).toContain("look at it before you send it");
  });

  it("has the host, the state and every machine in it", async () => {
    await cluster("up");
    memory.answers.set("core-02: sudo journalctl", "fleetd[1]: hello\n");
    const files = await collected();
    for (const node of ["core-01", "core-02"]) {
      for (const name of ofMachine) expect(files.has(`machines/${node}/${name}`)).toBe(true);
    }
    expect(files.get("machines/core-02/journal.txt")).toMatch(
      /^\$ sudo journalctl .*\nfleetd\[1\]: hello\n$/,
    );
    expect(files.get("machines/core-01/console.txt")).toBe("Welcome to core-01!\n");
    expect(files.get("cluster.yaml")).toContain("name: demo");
    expect(JSON.parse(files.get("doctor.json") ?? "")).toMatchObject({
      v: 1,
      findings: expect.any(Array) as unknown,
    });
    expect(JSON.parse(files.get("status.json") ?? "")).toMatchObject({
      v: 1,
      cluster: "demo",
      healthy: true,
    });
    expect(JSON.parse(files.get("versions.json") ?? "")).toMatchObject({
      node: process.version,
      provider: "nspawn",
    });
    expect([...files.keys()].filter((name) => /^state\/logs\/.*-cluster-up\.log$/.test(name))).toHaveLength(
      1,
    );
    expect(files.has("state/journal.ndjson")).toBe(true);
    const { files: listed, missing } = manifestOf(files);
    expect(missing).toEqual([]);
    expect(listed.map(({ name }) => name).toSorted()).toEqual(
      [...files.keys()].filter((name) => name !== "manifest.json").toSorted(),
    );
  });

  it("names machines that are off or do not let us in, and why", async () => {
    await writeFile(join(memory.dir, "cluster.yaml"), "version: 1\nname: demo\nmachines: {count: 3}\n");
    await cluster("up");
    await cluster("kill core-02");
    memory.broken.add("core-03 sshd");
    const files = await collected();
    expect(manifestOf(files).missing).toEqual([
      { what: "core-02", why: "it is stopped" },
      { what: "core-03", why: "core-03 does not answer" },
    ]);
    expect(files.get("machines/core-02/console.txt")).toContain("(power cut)");
    expect(files.has("machines/core-01/journal.txt")).toBe(true);
    expect(files.has("machines/core-03/journal.txt")).toBe(false);
  });

  it("works for a cluster that was never brought up, whose cluster.yaml is not valid", async () => {
    await writeFile(join(memory.dir, "cluster.yaml"), "version: 1\nname: demo\nmachines: {cout: 2\n");
    const files = await collected();
    expect([...files.keys()].toSorted()).toEqual([
      "cluster.yaml",
      "doctor.json",
      "manifest.json",
      "versions.json",
    ]);
    expect(manifestOf(files).missing).toEqual([
      { what: "the machines", why: "the cluster has not been brought up" },
    ]);
  });

  it("works when the state is damaged, and has it in it", async () => {
    await mkdir(join(memory.dir, ".state"));
    await writeFile(join(memory.dir, ".state/state.json"), "{");
    const files = await collected();
    expect(files.get("state/state.json")).toBe("{");
    expect(manifestOf(files).missing).toEqual([
      { what: "the machines", why: expect.stringContaining("is not JSON") as string },
    ]);
  });

  it("says where it looked when there is no cluster.yaml", async () => {
    await rm(join(memory.dir, "cluster.yaml"));
    const { code, stderr } = await cluster("collect");
    expect(code).toBe(3);
    expect(stderr).toContain(join(memory.dir, "cluster.yaml"));
    expect(await readdir(cwd)).toEqual([]);
  });

  it("prints with --dry-run what would be in it, and writes nothing", async () => {
    await cluster("up");
    const { code, stdout } = await cluster("collect --dry-run");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^collect would write .*flotilla-demo-.*\.tar\.gz with this:\n/);
    expect(stdout).toMatch(/ {2}machines\/core-01\/etcd\.txt +etcd's members/);
    expect(await readdir(cwd)).toEqual([]);
    expect(memory.commands).toEqual([]);
    const { stdout: json } = await cluster("collect --dry-run --json");
    expect(JSON.parse(json)).toMatchObject({ v: 1, missing: [] });
  });

  it("tells the same as one document with --json", async () => {
    const { stdout } = await cluster("collect --json --out bundle.tar.gz");
    const { size } = await stat(join(cwd, "bundle.tar.gz"));
    expect(JSON.parse(stdout)).toMatchObject({ v: 1, path: join(cwd, "bundle.tar.gz"), bytes: size });
  });

  it("says so when this host has no tar", async () => {
    memory.programs.clear();
    const { code, stderr } = await cluster("collect");
    expect(code).toBe(4);
    expect(stderr).toContain("tar is not installed");
  });

  it("keeps the end of what is long", async () => {
    await cluster("up");
    const lines = Array.from({ length: 5_000 }, (_, index) => `line ${index}\n`).join("");
    await writeFile(join(memory.dir, ".state/logs/supervisor.log"), lines);
    const log = (await collected()).get("state/logs/supervisor.log") ?? "";
    expect(log).toMatch(/^\(the last 2000 lines\)\nline 3000\n/);
    expect(log).toMatch(/line 4999\n$/);
  });
});

describe("a bundle", () => {
  const secret = fc
    .string({ minLength: 8, maxLength: 24 })
    .map((text) => text.trim())
    .filter((text) => new Set(text).size >= 6);
  const plain = fc.stringMatching(/^[A-Za-z0-9]{12,32}$/).filter((text) => new Set(text).size >= 6);
  const encoded = (text: string): string =>
    encodeURIComponent(text).replaceAll(
      /[!'()*]/g,
      (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
    );
  const formsOf = (text: string): readonly string[] => [
    text,
    encoded(text),
    encodeURIComponent(text),
    encoded(text).replaceAll(/%../g, (hex) => hex.toLowerCase()),
    JSON.stringify(text).slice(1, -1),
    Buffer.from(`me:${text}`).toString("base64"),
  ];
  /** Files with private keys are made by `up`. */
  const keyLines = async (): Promise<string[]> => {
    const folder = join(memory.dir, ".state/keys");
    const names = (await readdir(folder)).filter((name) => !name.endsWith(".pub"));
    const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
    return texts
      .flatMap((text) => text.split("\n"))
      .filter((line) => line !== "" && !line.startsWith("-----"));
  };

  /** What others write: logs, journals, consoles. Each secret stands there as such things do. */
  const confession = (password: string, token: string, keys: readonly string[]): string =>
    [
      `proxy http://me:${encoded(password)}@proxy.example:3128 refused`,
      `typed: ${password} and ${encodeURIComponent(password)}`,
      JSON.stringify({ message: `the password ${password} is wrong` }),
      `> Proxy-Authorization: Basic ${Buffer.from(`me:${password}`).toString("base64")}`,
      `> Authorization: Bearer ${token}`,
      JSON.stringify({ headers: { authorization: `Bearer ${token}` } }),
      `GET https://discovery.etcd.io/${Buffer.from(token).toString("hex")}`,
      `url=http%3A%2F%2Frobot%3A${token}%40git.example%2Fx`,
      `Environment=REGISTRY_TOKEN=${token}`,
      `docker login -u robot --password ${token} registry.example`,
      "-----BEGIN OPENSSH PRIVATE KEY-----",
      ...keys,
      "-----END OPENSSH PRIVATE KEY-----",
      ...keys.map((line, index) => `12:00:0${index % 10} core-01 sshd[1]: ${line}`),
      "",
    ].join("\n");

  it("never holds a secret, in no file and in no form", { timeout: 60_000 }, async () => {
    await cluster("up");
    const keys = await keyLines();
    const ref = clusterRef("demo", memory.dir);
    const state = (name: string): string => join(memory.dir, ".state", name);
    await mkdir(state("history"));
    const property = fc.asyncProperty(
      secret,
      secret,
      secret,
      plain,
      async (password, other, unsaid, token) => {
        const said = confession(password, token, keys);
        const words = JSON.stringify({ said, authorization: `Bearer ${token}` });
        await writeFile(join(memory.dir, "proxy-password"), `${password}\n`);
        await writeFile(
          join(memory.dir, "cluster.yaml"),
          [
            "version: 1",
            "name: demo",
            "machines: {count: 2}",
            `etcd: {discovery: "https://discovery.example/${token}"}`,
            `proxy: {http: "http://me@proxy.example:3128", passwordFile: proxy-password}`,
            "userData:",
            `  write_files: [{path: /etc/x, content: ${JSON.stringify(unsaid)}}]`,
            `  users: [{name: me, passwd: ${JSON.stringify(other)}}]`,
            `# password: ${token}`,
            "",
          ].join("\n"),
        );
        for (const name of ["logs/2026-01-01-cluster-up.log", "logs/supervisor.log"])
          await writeFile(state(name), `${said}${other}\n`);
        for (const name of ["journal.ndjson", "faults.ndjson", "history/x.ndjson"])
          await writeFile(state(name), `${words}\n`);
        for (const line of said.split("\n")) memory.provider.print(ref, "core-01", line);
        for (const begin of ["cat", "sudo journalctl", "PATH=", "uname"])
          memory.answers.set(`core-02: ${begin}`, `${said}${other}\n`);
        const files = await collected();
        const secrets = [
          ...[password, other, unsaid, token].flatMap(formsOf),
          ...keys,
          Buffer.from(token).toString("hex"),
        ];
        for (const [name, text] of files) {
          const seen = secrets.filter((one) => text.includes(one));
          expect({ name, seen }).toEqual({ name, seen: [] });
        }
        expect(files.size).toBeGreaterThan(15);
      },
    );
    await fc.assert(property, { numRuns: 10 });
  });
});
