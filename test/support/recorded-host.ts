import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { HostWindow } from "../../src/doctor/host-window.ts";
import type { CommandResult, Exec } from "../../src/foundation/exec.ts";

/** A host as a file of test/fixtures/hosts tells it. What it does not tell is missing there. */
export interface RecordedHost {
  /** The public report, `owner/repository#number`; a healthy host may have none. */
  readonly source?: string;
  /** What the report says, in our own words. */
  readonly says: string;
  /** Lines of cluster.yaml that differ from the defaults. */
  readonly cluster?: Readonly<Record<string, unknown>>;
  readonly provider: "virtualbox" | "libvirt" | "nspawn";
  readonly platform: string;
  readonly arch: string;
  readonly release?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** MiB: total, free. */
  readonly memory?: readonly [number, number];
  /** MiB that are free, by path. */
  readonly disk?: Readonly<Record<string, number>>;
  /** What programs print, by command line; a line `exit N` first means that they fail, `hang` that they do not end. */
  readonly commands?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly addresses?: readonly { readonly name: string; readonly cidr: string; readonly mac: string }[];
  /** When it is there, ISO 8601. */
  readonly now?: string;
  /** Ids of the findings, errors first. */
  readonly expect: readonly string[];
}

/** Every host of a folder, by file name. */
export function recordedHosts(folder: string): readonly (RecordedHost & { readonly name: string })[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".yaml"))
    .sort()
    .map((name) => ({
      name: name.replace(/\.yaml$/, ""),
      ...(parse(readFileSync(join(folder, name), "utf8")) as RecordedHost),
    }));
}

/** The twin of the real window: shows a recorded host. */
export function recordedWindow(host: Omit<RecordedHost, "expect" | "says" | "provider">): HostWindow {
  const [total, free] = host.memory ?? [16_384, 12_288];
  return {
    platform: host.platform,
    arch: host.arch,
    release: host.release ?? "",
    home: "/home/me",
    env: host.env ?? {},
    exec: recordedExec(host.commands ?? {}),
    now: () => Date.parse(host.now ?? "2026-06-01T12:00:00Z"),
    memory: () => ({ total, free }),
    addresses: () => host.addresses ?? [],
    read: async (path) => host.files?.[path],
    freeDisk: async (path) => host.disk?.[path],
  };
}

/** Programs that answer from a list; any other is missing. */
function recordedExec(commands: Readonly<Record<string, string>>): Exec {
  return {
    run: async ({ argv }): Promise<CommandResult> => {
      const answer = commands[argv.join(" ")];
      const ended = { code: 0, stdout: answer ?? "", stderr: "", timedOut: false, missing: false };
      if (answer === undefined) return { ...ended, code: undefined, missing: true };
      if (answer.startsWith("hang")) return { ...ended, code: undefined, stdout: "", timedOut: true };
      const failed = /^exit (\d+)\n([\s\S]*)$/.exec(answer);
      return failed === null
        ? ended
        : { ...ended, code: Number(failed[1]), stdout: "", stderr: failed[2] ?? "" };
    },
  };
}
