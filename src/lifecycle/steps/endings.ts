import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { KnownCluster, World } from "../cluster.ts";
import type { EndingKind } from "../plan/plan.ts";
import { replacementExecutors } from "./replace.ts";
import { withMachine, withoutMachine } from "../state/state.ts";
import type { Executors } from "./steps.ts";

/** What needs no cluster.yaml: machines are stopped and removed as the state knows them. */
export function endingExecutors(world: World, cluster: KnownCluster): Executors<EndingKind> {
  const { ref, provider, file } = cluster;
  const { drain, uncordon, "leave-etcd": leaveEtcd } = replacementExecutors(world, cluster);
  return {
    drain,
    uncordon,
    "leave-etcd": leaveEtcd,
    halt: async ({ node }, _say, signal) => await provider.halt(ref, node, signal),
    kill: async ({ node }, _say, signal) => await provider.kill(ref, node, signal),
    destroy: async ({ node }, _say, signal) => {
      // Half a machine from here on: a run that is cut off must not leave one that looks whole.
      await file.update((state) => withMachine(state, node, { created: "creating" }));
      await provider.destroy(ref, node, signal);
      const next = randomBytes(16).toString("hex");
      await file.update((state) => withoutMachine(state, node, next));
    },
    dispose: async (_step, _say, signal) => await provider.dispose(ref, signal),
    forget: async () => await forgetState(ref.stateDir),
  };
}

/** Removes everything in the state folder but the lock, which its holder gives back. */
async function forgetState(stateDir: string): Promise<void> {
  const { readdir } = await import("node:fs/promises");
  const names = await readdir(stateDir);
  // state.json last: as long as it is there, a second `destroy` finds the cluster.
  const others = names.filter((name) => !name.startsWith("lock") && name !== "state.json");
  await Promise.all(
    others.map(async (name) => await rm(join(stateDir, name), { recursive: true, force: true })),
  );
  await rm(join(stateDir, "state.json"), { force: true });
}
