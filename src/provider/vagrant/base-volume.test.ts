import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Command, CommandResult, Exec } from "../../foundation/exec.ts";
import { installBox } from "./base-volume.ts";

const box = {
  name: "flotilla/debian",
  version: "1.2.3",
  kind: "libvirt",
  path: "/cache/box",
  metadata: "/cache/metadata.json",
} as const;

describe("the box's disk in libvirt's storage", () => {
  let vagrantHome = "";
  let folder = "";
  beforeEach(() => {
    vagrantHome = mkdtempSync(join(tmpdir(), "flotilla-box-"));
    folder = join(vagrantHome, "boxes", "flotilla-VAGRANTSLASH-debian", "1.2.3", "libvirt");
    mkdirSync(folder, { recursive: true });
  });
  afterEach(() => rmSync(vagrantHome, { recursive: true }));

  it("is copied once", async () => {
    const host = libvirtHost();
    expect(await install(host)).toEqual(["vol-create-as", "vol-upload"]);
    expect(await install(host)).toEqual([]);
  });

  it("is copied anew when an earlier copy was cut short", async () => {
    const host = libvirtHost();
    const killed = host.killedIn("vol-upload");
    void install(host);
    await killed;
    expect(host.volumes.size).toBe(1);
    expect(await install(host)).toEqual(["vol-delete", "vol-create-as", "vol-upload"]);
    expect(await install(host)).toEqual([]);
  });

  it("is not left behind half-copied when libvirt takes no more", async () => {
    const host = libvirtHost();
    host.failIn("vol-upload");
    await expect(install(host)).rejects.toMatchObject({ code: "E_COMMAND_FAILED" });
    expect(host.volumes.size).toBe(0);
  });

  /** What was changed in libvirt's storage. */
  async function install(host: LibvirtHost): Promise<readonly string[]> {
    const before = host.changes.length;
    const { signal } = new AbortController();
    await installBox(host, box, { vagrantHome }, { report: () => undefined, signal });
    return host.changes.slice(before);
  }
});

interface LibvirtHost extends Exec {
  readonly volumes: Set<string>;
  readonly changes: string[];
  /** In the middle of that command, our process is killed: it hears of nothing any more. Resolves then. */
  killedIn(verb: string): Promise<void>;
  failIn(verb: string): void;
}

function libvirtHost(): LibvirtHost {
  const volumes = new Set<string>();
  const changes: string[] = [];
  const dead = Promise.withResolvers<void>();
  let [dying, failing] = ["", ""];
  const said = (code: number, stdout = ""): CommandResult => ({
    code,
    stdout,
    stderr: "",
    timedOut: false,
    missing: false,
  });
  const virsh = (verb: string, args: readonly string[]): CommandResult => {
    if (verb === "pool-list") return said(0, "default\n");
    if (verb === "vol-info") return said(volumes.has(args.at(-1) ?? "") ? 0 : 1);
    if (verb.startsWith("pool-")) return said(0);
    changes.push(verb);
    if (verb === "vol-create-as") volumes.add(args[1] ?? "");
    if (verb === "vol-delete") volumes.delete(args.at(-1) ?? "");
    const failed = verb === failing;
    if (failed) failing = "";
    return said(failed ? 1 : 0);
  };
  return {
    volumes,
    changes,
    killedIn: (verb) => {
      dying = verb;
      return dead.promise;
    },
    failIn: (verb) => (failing = verb),
    run: async ({ argv: [program, ...args] }: Command) => {
      if (program === "qemu-img") return said(0, '{"virtual-size": 1024}');
      const [verb = "", ...rest] = args.slice(3);
      if (verb !== dying) return virsh(verb, rest);
      dying = "";
      dead.resolve();
      return await new Promise<never>(() => undefined);
    },
  };
}
