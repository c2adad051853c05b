import type { Clock } from "../../../foundation/clock.ts";
import type { ClusterRef, Hold, Outages } from "../../provider.ts";
import { hostNames } from "../names.ts";
import { readConfig } from "./config.ts";
import { ensureSupervisor } from "./launch.ts";
import { call } from "./rpc.ts";

/** What is asked of a cluster's supervisor. */
interface Question {
  readonly method: string;
  readonly node?: string;
  readonly more?: Readonly<Record<string, unknown>>;
}

/** A line to the supervisors of clusters. One that does not run is started. */
export interface SupervisorLine {
  ask(cluster: ClusterRef, question: Question, signal: AbortSignal): Promise<unknown>;
}

/** @param options.command how to start a supervisor; the state folder is added as last argument */
export function supervisorLine(options: {
  readonly command: readonly string[];
  readonly clock: Clock;
}): SupervisorLine {
  return {
    ask: async (cluster, question, signal) => {
      const { stateDir } = cluster;
      const names = hostNames(cluster);
      await readConfig(stateDir);
      await ensureSupervisor({ names, stateDir, ...options }, signal);
      return (await call(names.socket, question, signal))?.result;
    },
  };
}

/** The promises to undo, kept by the supervisor. */
export function supervisedOutages(supervisor: SupervisorLine): Outages {
  return {
    hold: async (cluster, { node, ...hold }, ttl, signal) => {
      await supervisor.ask(cluster, { method: "hold", node, more: { ...hold, ttl } }, signal);
    },
    release: async (cluster, id, node, signal) => {
      await supervisor.ask(cluster, { method: "release", node, more: { id } }, signal);
    },
    holds: async (cluster, signal) =>
      ((await supervisor.ask(cluster, { method: "holds" }, signal)) ?? []) as readonly Hold[],
  };
}
