import { readFile, statfs } from "node:fs/promises";
import { freemem, homedir, networkInterfaces, release, totalmem } from "node:os";
import type { Clock } from "../foundation/clock.ts";
import type { Exec } from "../foundation/exec.ts";
import type { AddressFacts } from "./facts.ts";

/** All that the doctor can see of the host. It only looks: nothing here changes anything. */
export interface HostWindow {
  readonly platform: string;
  readonly arch: string;
  /** The system's own version: `6.14.0-24-generic`. */
  readonly release: string;
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly exec: Exec;
  /** Wall-clock ms. */
  now(): number;
  /** MiB */
  memory(): { readonly total: number; readonly free: number };
  /** IPv4 only. */
  addresses(): readonly AddressFacts[];
  /** The file's text; undefined when there is none, or when we may not read it. */
  read(path: string): Promise<string | undefined>;
  /** MiB that are free where the path lies; undefined when nobody can tell. */
  freeDisk(path: string): Promise<number | undefined>;
}

const mebibyte = 1024 * 1024;

/** The host that we run on. */
export function hostWindow(options: {
  readonly exec: Exec;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
}): HostWindow {
  return {
    platform: process.platform,
    arch: process.arch,
    release: release(),
    home: homedir(),
    env: options.env,
    exec: options.exec,
    now: () => options.clock.now(),
    memory: () => ({ total: Math.round(totalmem() / mebibyte), free: Math.round(freemem() / mebibyte) }),
    addresses: () =>
      Object.entries(networkInterfaces()).flatMap(([name, all]) =>
        (all ?? [])
          .filter(({ family, internal, cidr }) => family === "IPv4" && !internal && cidr !== null)
          .map(({ cidr, mac }) => ({ name, cidr: cidr ?? "", mac: mac.toLowerCase() })),
      ),
    read: async (path) => await readFile(path, "utf8").catch(() => undefined),
    freeDisk: async (path) =>
      await statfs(path).then(
        ({ bavail, bsize }) => Math.floor((bavail * bsize) / mebibyte),
        () => undefined,
      ),
  };
}
