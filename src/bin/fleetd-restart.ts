import { messageOf } from "../foundation/errors.ts";
import type { Exec } from "../foundation/exec.ts";
import { readIfExists } from "../foundation/files.ts";
import type { Log } from "../foundation/log.ts";

export interface RestartQuestion {
  readonly exec: Exec;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  /** Where the kernel tells which service we are. */
  readonly cgroupFile?: string;
}

/**
 * Whether systemd ends us only to start us again (`systemctl restart`, an upgrade, new settings): then nothing is given
 * up, since our successor goes on under the same session. A stop, a shutdown or a signal by hand is a goodbye; so is
 * whatever cannot be found out.
 */
export async function isRestart({ exec, env, log, cgroupFile }: RestartQuestion): Promise<boolean> {
  if (env["INVOCATION_ID"] === undefined) return false;
  try {
    const service = serviceIn((await readIfExists(cgroupFile ?? "/proc/self/cgroup")) ?? "");
    if (service === undefined) return false;
    const argv = ["systemctl", "list-jobs", "--full", "--plain", "--no-legend"] as const;
    const { stdout } = await exec.run({ argv: [...argv], timeout: 2_000 });
    const jobs = stdout.split("\n").map((line) => line.trim().split(/\s+/));
    return jobs.some(([, unit, type]) => unit === service && type === "restart");
  } catch (error) {
    log.warn("cannot tell a restart from a stop", { why: messageOf(error) });
    return false;
  }
}

/** The service whose processes lie in this cgroup. */
function serviceIn(cgroups: string): string | undefined {
  return /\/([^/\n]+\.service)(?:\/[^\n]*)?$/m.exec(cgroups)?.[1];
}
