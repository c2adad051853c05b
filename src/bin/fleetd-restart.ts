import { messageOf } from "../foundation/errors.ts";
import type { Exec } from "../foundation/exec.ts";
import { readIfExists } from "../foundation/files.ts";
import type { Log } from "../foundation/log.ts";

export interface RestartQuestion {
  readonly exec: Exec;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  /** We are a service of a user's systemd, not of the system's. */
  readonly user: boolean;
  /** Where the kernel tells which service we are. */
  readonly cgroupFile?: string;
}

/**
 * Whether systemd ends us only to start us again (`systemctl restart`, an upgrade, new settings): then nothing is given
 * up, since our successor goes on under the same session. A stop, a shutdown or a signal by hand is a goodbye; so is
 * whatever cannot be found out.
 */
export async function isRestart({ exec, env, log, user, cgroupFile }: RestartQuestion): Promise<boolean> {
  if (env["INVOCATION_ID"] === undefined) return false;
  try {
    const service = serviceIn((await readIfExists(cgroupFile ?? "/proc/self/cgroup")) ?? "", user);
    if (service === undefined) return false;
    const whose = user ? ["--user"] : [];
    const argv = ["systemctl", ...whose, "list-jobs", "--full", "--plain", "--no-legend"] as const;
    const { stdout } = await exec.run({ argv, timeout: 2_000 });
    const jobs = stdout.split("\n").map((line) => line.trim().split(/\s+/));
    return jobs.some(([, unit, type]) => unit === service && type === "restart");
  } catch (error) {
    log.warn("cannot tell a restart from a stop", { why: messageOf(error) });
    return false;
  }
}

/** The service whose processes lie in this cgroup; a user's services lie inside that of their systemd. */
function serviceIn(cgroups: string, user: boolean): string | undefined {
  const paths = cgroups.split("\n").map((line) => line.split("/"));
  const services = paths.map((path) => path.filter((part) => part.endsWith(".service")));
  const found = services.find(({ length }) => length > 0);
  return user ? found?.at(-1) : found?.[0];
}
