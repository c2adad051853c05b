import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../foundation/clock.ts";
import type { ClusterRef } from "../provider.ts";
import type { Hypervisor } from "./hypervisor.ts";
import { machineUuid, vagrantFolder } from "./record.ts";
import type { Vagrant } from "./vagrant.ts";

/** The beginning and the end of machines: what Vagrant cannot do for several at once. */
export interface Making {
  /** The first `vagrant up` of a machine. A hypervisor that makes one at a time is asked for the next when this one has its id. */
  make(cluster: ClusterRef, node: string, signal: AbortSignal): Promise<void>;
  /** One after the other: whoever removes the last machine removes the network that all machines share, and two would try. */
  remove(cluster: ClusterRef, node: string, signal: AbortSignal): Promise<void>;
}

export function makingWith(tool: Vagrant, hypervisor: Hypervisor, clock: Clock): Making {
  const { name } = hypervisor;
  const imports = oneAfterTheOther();
  const removals = oneAfterTheOther();
  const untilImported = async (cluster: ClusterRef, node: string, signal: AbortSignal): Promise<void> => {
    while ((await machineUuid(cluster, node, name)) === undefined) await clock.sleep(250, signal);
  };
  return {
    make: async (cluster, node, signal) => {
      const up = ["up", node, "--provider", name];
      if (hypervisor.parallel) return void (await tool.run(cluster, up, signal));
      await imports(async (done) => {
        const ended = tool.run(cluster, up, signal);
        const over = new AbortController();
        const imported = untilImported(cluster, node, AbortSignal.any([signal, over.signal])).catch(
          () => undefined,
        );
        void imported.then(done);
        await ended.finally(() => over.abort());
      });
    },
    remove: async (cluster, node, signal) => {
      await removals(async () => {
        signal.throwIfAborted();
        if ((await machineUuid(cluster, node, name)) !== undefined)
          await tool.run(cluster, ["destroy", "-f", node], signal);
        await rm(join(vagrantFolder(cluster), ".vagrant", "machines", node), {
          recursive: true,
          force: true,
        });
      });
    },
  };
}

/** A queue of one: the next begins when the one before it says so, or ends. */
function oneAfterTheOther(): (work: (done: () => void) => Promise<void>) => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  return async (work) => {
    const before = last;
    let free: () => void = () => undefined;
    last = new Promise((resolve) => {
      free = resolve;
    });
    await before;
    try {
      await work(free);
    } finally {
      free();
    }
  };
}
