import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { systemClock } from "../../src/foundation/clock.ts";
import type { CommandResult } from "../../src/foundation/exec.ts";
import { hostExec } from "../../src/foundation/exec.ts";
import { silentLog } from "../../src/foundation/log.ts";
import { findHierarchies } from "../../src/provider/nspawn/cgroups.ts";
import { hostNames } from "../../src/provider/nspawn/names.ts";
import { createNspawnProvider } from "../../src/provider/nspawn/provider.ts";
import { initOf } from "../../src/provider/nspawn/supervisor/boot.ts";
import type { ClusterPlan, ClusterRef, Provider } from "../../src/provider/provider.ts";
import { clusterPlan } from "./cluster-plan.ts";

const root = resolve(import.meta.dirname, "../..");

export interface NspawnSubject {
  readonly provider: Provider;
  readonly cluster: ClusterPlan;
  readonly dir: string;
}

/** A provider on this host with a folder of its own. Only inside a network without a way out. */
export function nspawnSubject(name: string): NspawnSubject {
  mustBeAlone();
  // Not in /tmp, which may be a memory file system too small for three disks.
  const dir = mkdtempSync("/var/tmp/flotilla-test-");
  const layerDir = join(dir, "layer");
  mkdirSync(join(layerDir, "opt/bin"), { recursive: true });
  writeFileSync(join(layerDir, "opt/bin/from-layer"), "#!/bin/sh\necho layer\n", { mode: 0o755 });
  mkdirSync(join(layerDir, "etc/ssh"), { recursive: true });
  const hostKey = join(layerDir, "etc/ssh/ssh_host_ed25519_key");
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", hostKey]);
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  const provider = createNspawnProvider({
    exec: hostExec(),
    clock: systemClock(),
    log: silentLog(),
    supervisorCommand: [process.execPath, join(root, "test/support/supervise.ts")],
    layerDir,
    recipeDir: join(root, "templates/image"),
    cacheDir: join(cache, "flotilla"),
  });
  return { provider, cluster: clusterPlan(dir, name), dir };
}

/** The host's number of a node's process 1. */
export async function initPid(cluster: ClusterRef, node: string): Promise<number | undefined> {
  return await initOf(findHierarchies(), join(hostNames(cluster).cgroup, node));
}

/** Runs a command in a node, as root, without ssh. */
export async function inside(
  cluster: ClusterRef,
  node: string,
  ...argv: [string, ...string[]]
): Promise<CommandResult> {
  const pid = await initPid(cluster, node);
  if (pid === undefined) throw new Error(`${node} is off`);
  const enter = ["nsenter", "--target", String(pid), "--mount", "--uts", "--ipc", "--net", "--pid"] as const;
  const path = "PATH=/opt/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  return await hostExec().run({ argv: [...enter, "env", path, ...argv] });
}

function mustBeAlone(): void {
  const routes = execFileSync("ip", ["route", "show", "default"], { encoding: "utf8" });
  if (routes.trim() === "") return;
  throw new Error(
    "this test makes bridges: run it as 'test/support/in-netns.sh npm run integration -- test/integration/nspawn'",
  );
}
