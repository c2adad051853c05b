import type { Clock } from "../../foundation/clock.ts";
import { AppError } from "../../foundation/errors.ts";
import { allFaults } from "./table.ts";
import { holderOf } from "./held.ts";
import type { FaultJournal, Injection } from "./journal.ts";
import type { Stage } from "../stage/stage.ts";

/** One machine that is under a fault, as far as anybody knows. */
export interface Leftover {
  readonly id: string;
  readonly fault: string;
  readonly node: string;
  /** Who undoes it when nobody comes. */
  readonly heldBy: "machine" | "supervisor";
  /** ms until it is undone by itself; undefined when that is unknown. */
  readonly left: number | undefined;
}

/** How long a container may take to say what it holds, ms. */
const answerWithin = 3_000;

/**
 * What is still broken, by whoever and whenever: asked of every machine and of the provider, not only read from our journal.
 * Injections of the journal that nobody holds any more are over, and are not told.
 */
export async function findLeftovers(
  stage: Stage,
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly Leftover[]> {
  const [holds, ...held] = await Promise.all([
    stage.outages?.holds(signal) ?? [],
    ...stage.nodes.map((node) => heldBy(stage, node, signal)),
  ]);
  const bySupervisor = holds.map(({ id, node, until }): Leftover => ({
    id,
    node,
    fault: faultOf(id),
    heldBy: "supervisor",
    left: Math.max(0, until - clock.now()),
  }));
  return [...bySupervisor, ...held.flat()].toSorted((a, b) => (a.id + a.node < b.id + b.node ? -1 : 1));
}

/**
 * Before a run: what an earlier one left would be taken for the cluster's own trouble.
 * @throws E_STATE_CONFLICT when something is broken
 */
export async function refuseLeftovers(
  stage: Stage,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const found = await findLeftovers(stage, clock, signal);
  if (found.length === 0) return;
  throw new AppError("E_STATE_CONFLICT", "machines are still under faults that an earlier run left", {
    details: found.map(({ id, node }) => `${id} on ${node}`),
    hint: "cluster fault heal",
  });
}

async function heldBy(stage: Stage, node: string, signal: AbortSignal): Promise<Leftover[]> {
  const script = `systemctl list-units --plain --no-legend '${holderOf("*")}.service'`;
  const vital = await stage.vital(node, signal);
  const within = answerWithin * stage.patience;
  const ran = vital.running ? await stage.run(node, script, { within, signal }) : undefined;
  const lines = (ran?.stdout ?? "").split("\n");
  return lines.flatMap((line) => {
    const id = /^flotilla-fault-([a-z0-9-]+)\.service /.exec(line)?.[1];
    return id === undefined
      ? []
      : [{ id, fault: faultOf(id), node, heldBy: "machine" as const, left: undefined }];
  });
}

/** `partition` of `partition-3f2a1b`. */
function faultOf(id: string): string {
  return id.replace(/-[0-9a-f]+$/, "");
}

/** Everything that is to be mended: what was found on machines, and what the journal has begun and not ended. */
export async function openInjections(
  journal: FaultJournal,
  found: readonly Leftover[],
): Promise<readonly Injection[]> {
  const written = await journal.unfinished();
  const known = allFaults();
  const strangers = found.flatMap(({ id, fault, node }): Injection[] => {
    if (written.some((injection) => injection.id === id) || !(fault in known)) return [];
    return [{ id, fault: fault as Injection["fault"], victims: [node], options: {}, ttl: 1, at: 0 }];
  });
  return [...written, ...strangers];
}
