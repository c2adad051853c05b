import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Exec } from "../../foundation/exec.ts";
import { buildImage, findImage, listImages, pruneImages } from "./image.ts";
import { writeNode } from "../nspawn/record.ts";
import { refer, referenced } from "../nspawn/references.ts";

describe("the cache of node images", () => {
  let dir: string;
  let recipeDir: string;
  let cacheDir: string;
  let outcome: { code: number; stderr: string };
  const { signal } = new AbortController();
  const silent = (): void => undefined;

  /** A host on which mmdebstrap makes an empty root, or fails as told; `rm` works. */
  const exec: Exec = {
    run: async ({ argv }) => {
      if (argv[0] === "rm") rmSync(argv.at(-1) ?? "", { recursive: true, force: true });
      else mkdirSync(argv.at(-2) ?? "", { recursive: true });
      const result = argv[0] === "rm" ? { code: 0, stderr: "" } : outcome;
      return { ...result, stdout: "", timedOut: false, missing: false };
    },
  };

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "image-"));
    [recipeDir, cacheDir] = [join(dir, "recipe"), join(dir, "cache")];
    outcome = { code: 0, stderr: "" };
    mkdirSync(recipeDir);
    writeFileSync(join(recipeDir, "packages.txt"), "# basics\nsystemd\ndbus\n");
    writeFileSync(join(recipeDir, "customize.sh"), "#!/bin/sh\n");
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it("builds once", async () => {
    const reports: string[] = [];
    const report = (message: string): void => void reports.push(message);
    const first = await buildImage({ exec, recipeDir, cacheDir }, report, signal);
    expect(await buildImage({ exec, recipeDir, cacheDir }, report, signal)).toEqual(first);
    expect(reports).toHaveLength(1);
  });

  it("builds another when the package list changes, but not for a comment or an order", async () => {
    const first = await buildImage({ exec, recipeDir, cacheDir }, silent, signal);
    writeFileSync(join(recipeDir, "packages.txt"), "dbus # messages\nsystemd\n");
    expect((await findImage({ recipeDir, cacheDir }))?.hash).toBe(first.hash);
    writeFileSync(join(recipeDir, "packages.txt"), "systemd\ndbus\ncurl\n");
    expect(await findImage({ recipeDir, cacheDir })).toBeUndefined();
  });

  it("leaves nothing behind when the build fails, and says why", async () => {
    outcome = { code: 25, stderr: "E: unable to reach the mirror\n" };
    await expect(buildImage({ exec, recipeDir, cacheDir }, silent, signal)).rejects.toMatchObject({
      code: "E_COMMAND_FAILED",
      details: ["E: unable to reach the mirror"],
    });
    expect(await listImages({ recipeDir, cacheDir }, new Set())).toEqual([]);
  });

  it("tells a full disk from other failures", async () => {
    outcome = { code: 25, stderr: "tar: write error: No space left on device\n" };
    await expect(buildImage({ exec, recipeDir, cacheDir }, silent, signal)).rejects.toMatchObject({
      code: "E_DISK_FULL",
    });
  });

  it("prunes what is neither current nor below a node", async () => {
    const used = await buildImage({ exec, recipeDir, cacheDir }, silent, signal);
    writeFileSync(join(recipeDir, "customize.sh"), "#!/bin/sh\n# second\n");
    const unused = await buildImage({ exec, recipeDir, cacheDir }, silent, signal);
    writeFileSync(join(recipeDir, "customize.sh"), "#!/bin/sh\n# third\n");
    const current = await buildImage({ exec, recipeDir, cacheDir }, silent, signal);
    const stateDir = join(dir, "state");
    const numbers = { version: 1, index: 1, prefix: 24, memory: 512, cpus: 1 } as const;
    const texts = {
      name: "core-01",
      address: "192.168.56.11",
      gateway: "192.168.56.1",
      machineId: "",
      layer: "",
    };
    await writeNode({ stateDir }, { ...numbers, ...texts, image: used.hash });
    await refer(cacheDir, stateDir);

    const { images } = await referenced(cacheDir);
    expect(await pruneImages({ exec, recipeDir, cacheDir }, images)).toEqual([unused.hash]);
    expect([used, unused, current].map(({ path }) => existsSync(dirname(path)))).toEqual([true, false, true]);
  });
});
