import type { Clock } from "../../foundation/clock.ts";
import { isAppError, messageOf } from "../../foundation/errors.ts";
import { graceAfter } from "../../foundation/grace.ts";
import type { Log } from "../../foundation/log.ts";
import type { Machine, Snapshot } from "../model.ts";
import type { Mirror, Session, Term } from "../registry/registry.ts";

/** Between two tries when etcd does not answer, ms. */
export const retryEvery = 200;
/** How long an engine that ends tries to give the lead back, ms. After that it ends with the machine's lease. */
const resignWithin = 1_500;

export interface LeadOptions {
  readonly session: Session;
  readonly mirror: Mirror;
  /** Of this engine; it leads only while no machine has a newer one. */
  readonly version: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Told each term, and undefined when it is over. */
  readonly onTerm: (term: Term | undefined) => void;
}

/**
 * Stands for election again and again until the signal aborts; then gives the lead back, in so far as etcd takes it back
 * in a moment. While a machine with a newer engine is registered it stands aside, and gives up the lead if it has it.
 */
export async function standForElection(options: LeadOptions, signal: AbortSignal): Promise<void> {
  const { clock, log } = options;
  const grace = graceAfter(signal, resignWithin, clock);
  while (!signal.aborted) {
    try {
      await standAside(options, signal);
      await leadOnce(options, signal, grace.signal);
    } catch (error) {
      if (signal.aborted) break;
      if (!isAppError(error, "E_ETCD")) throw error;
      log.warn("could not stand for election", { error: messageOf(error) });
      await clock.sleep(retryEvery, signal).catch(() => undefined);
    }
  }
  grace.end();
}

/** Waits for the lead and keeps it until the term ends, the signal aborts or a newer engine comes. */
async function leadOnce(options: LeadOptions, signal: AbortSignal, late: AbortSignal): Promise<void> {
  const { session, log, onTerm } = options;
  const done = new AbortController();
  const outdated = newerComes(options, AbortSignal.any([signal, done.signal]));
  try {
    const term = await session.campaign(AbortSignal.any([signal, outdated]));
    log.info("leading the cluster");
    onTerm(term);
    await ended(AbortSignal.any([signal, outdated, term.over]));
    onTerm(undefined);
    log.info("no longer leading the cluster");
    await term.resign(late);
  } catch (error) {
    if (signal.aborted || error !== outdated.reason) throw error;
  } finally {
    done.abort(new Error("the term is over"));
  }
}

/** Waits as long as a machine with a newer engine is registered, and sees to it that this one does not lead. */
async function standAside(
  { session, mirror, version, log }: LeadOptions,
  signal: AbortSignal,
): Promise<void> {
  let told: string | undefined;
  for (;;) {
    const change = mirror.changed(signal);
    change.catch(() => undefined);
    const newer = newerThan(version, mirror.snapshot);
    if (newer === undefined) return;
    if (newer.id !== told)
      log.info("leaving the lead to a newer engine", {
        machine: newer.id,
        theirs: newer.engine,
        ours: version,
      });
    told = newer.id;
    // A campaign that was given up while etcd was in trouble may have won after all.
    if (mirror.snapshot.leader === session.machineID) await session.withdraw(signal);
    await change;
  }
}

/** Aborts when a machine with a newer engine is registered; never after `until` has. */
function newerComes({ mirror, version }: LeadOptions, until: AbortSignal): AbortSignal {
  const come = new AbortController();
  const watch = async (): Promise<void> => {
    let seen: Snapshot["machines"] | undefined;
    for (;;) {
      const { snapshot } = mirror;
      if (snapshot.machines !== seen && newerThan(version, snapshot) !== undefined) break;
      seen = snapshot.machines;
      await mirror.changed(until);
    }
    come.abort(new Error("a newer engine is in the cluster"));
  };
  // That the mirror has ended is noticed by all who follow it.
  watch().catch(() => undefined);
  return come.signal;
}

/** A machine whose engine is newer and takes part in elections; of several the newest, then the first by id. */
function newerThan(version: number, { machines }: Snapshot): Machine | undefined {
  const newer = [...machines.values()].filter(({ engine, leaving }) => engine > version && !leaving);
  return newer.toSorted((one, other) => other.engine - one.engine || (one.id < other.id ? -1 : 1))[0];
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
