import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { KnownCluster } from "./cluster.ts";
import type { EndingKind } from "./plan.ts";
import { withMachine } from "./state.ts";
import type { Executors } from "./steps.ts";

/** What needs no cluster.yaml: machines are stopped and removed as the state knows them. */
export function endingExecutors(cluster: KnownCluster): Executors<EndingKind> {
  const { ref, provider, file } = cluster;
  return {
    halt: async ({ node }, _say, signal) => await provider.halt(ref, node, signal),
    kill: async ({ node }, _say, signal) => await provider.kill(ref, node, signal),
    destroy: async ({ node }, _say, signal) => {
      // Half a machine from here on: a run that is cut off must not leave one that looks whole.
      await file.update((state) => withMachine(state, node, { created: "creating" }));
      await provider.destroy(ref, node, signal);
      await file.update((state) => withMachine(state, node, { created: "no" }));
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
