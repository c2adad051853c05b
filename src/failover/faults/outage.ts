import type { Clock } from "../../foundation/clock.ts";
import { messageOf } from "../../foundation/errors.ts";
import type { Evidence, Fault, Scene } from "./fault.ts";
import type { Faults } from "./table.ts";
import type { FaultAction, HistoryEvent, WithoutTime } from "../history/history.ts";
import { defaultTtl, showFault, type FaultName } from "../scenario/inject.ts";
import type { FaultJournal, Injection } from "./journal.ts";
import type { Stage } from "../stage/stage.ts";

/** Breaking and mending in its right order: written down, promised to be undone, done, proved. */
export interface Outages {
  /** What is broken and not yet mended. */
  readonly open: readonly Injection[];
  /** False when there is no sense in going on: it cannot be done here, or did not bite. */
  inject(injection: Injection): Promise<boolean>;
  /** Mends these machines, or all that the injection still holds. False when it could not be mended. */
  heal(injection: Injection, victims?: readonly string[]): Promise<boolean>;
}

export interface OutagesOptions {
  readonly stage: Stage;
  readonly faults: Faults;
  readonly journal: FaultJournal;
  readonly clock: Clock;
  readonly record: (event: WithoutTime<HistoryEvent>) => void;
  /** Ends injecting; mending goes on. */
  readonly signal: AbortSignal;
  /** From now on mending waits for no proof. */
  readonly hurry: AbortSignal;
  /** Called when a fault is seen to bite, or not to. */
  readonly onSettled?: (fault: Fault, victims: readonly string[]) => void;
}

/** How long mending one container may take, ms. */
const healWithin = 180_000;

export function createOutages(options: OutagesOptions): Outages {
  const { stage, faults, journal, clock, record } = options;
  let open: Injection[] = [];

  const sceneOf = (injection: Injection, victim: string, signal: AbortSignal, before: string): Scene => {
    const { id, victims, ttl } = injection;
    return { stage, clock, signal, id, victim, victims, options: injection.options, ttl, before };
  };
  const tell = (
    injection: Injection,
    action: FaultAction,
    victims: readonly string[],
    evidence: string,
    took?: number,
  ): void => {
    const { id, fault } = injection;
    const name = showFault(fault, injection.options);
    const time = took === undefined ? {} : { took: Math.round(took * 10) / 10 };
    record({
      kind: "fault",
      action,
      fault: name,
      id,
      effect: faults[fault].effect,
      victims,
      ...time,
      evidence,
    });
  };
  const unsupported = async (injection: Injection): Promise<string | undefined> => {
    const [first = ""] = injection.victims;
    return await faults[injection.fault].unsupported(sceneOf(injection, first, options.signal, ""));
  };

  const breakIt = async (injection: Injection): Promise<boolean> => {
    const fault = faults[injection.fault];
    const { victims } = injection;
    const scenes = await Promise.all(
      victims.map(async (victim) => {
        const scene = sceneOf(injection, victim, options.signal, "");
        return { ...scene, before: await fault.arm(scene) };
      }),
    );
    tell(injection, "inject", victims, "");
    const begun = clock.monotonic();
    await Promise.all(scenes.map((scene) => fault.inject(scene)));
    const took = clock.monotonic() - begun;
    const evidence = await proveAll(scenes, (scene) => fault.proveActive(scene));
    tell(injection, evidence.proved ? "active" : "toothless", victims, evidence.text, took);
    options.onSettled?.(fault, victims);
    befores.set(injection.id, new Map(scenes.map(({ victim, before }) => [victim, before])));
    return evidence.proved;
  };
  const befores = new Map<string, ReadonlyMap<string, string>>();

  /** A fault that is over before we mend it (its time was too short, something restarted) did not last as it should. */
  const checkLasting = async (injection: Injection, scenes: readonly Scene[]): Promise<void> => {
    const fault = faults[injection.fault];
    const { isThere } = fault;
    if (isThere === undefined || options.signal.aborted) return;
    const looks = await Promise.all(scenes.map((scene) => isThere(scene).catch(() => false)));
    const victims = scenes.filter((_, index) => looks[index] === false).map(({ victim }) => victim);
    if (victims.length === 0) return;
    tell(
      injection,
      "toothless",
      victims,
      `it had ended before it was healed (its time: ${injection.ttl / 1_000} s)`,
    );
  };

  const mend = async (
    injection: Injection,
    scenes: readonly Scene[],
  ): Promise<Evidence & { took: number }> => {
    const fault = faults[injection.fault];
    const begun = clock.monotonic();
    const healed = await Promise.allSettled(scenes.map((scene) => fault.heal(scene)));
    const failed = healed.flatMap((end) => (end.status === "rejected" ? [messageOf(end.reason)] : []));
    const took = clock.monotonic() - begun;
    if (failed.length > 0) return { proved: false, text: failed.join("; "), took };
    if (options.hurry.aborted) return { proved: true, text: "in a hurry: not looked at", took };
    try {
      return { ...(await proveAll(scenes, (scene) => fault.proveGone(scene))), took };
    } catch (error) {
      return { proved: false, text: messageOf(error), took };
    }
  };

  return {
    get open() {
      return open;
    },
    inject: async (injection) => {
      const why = await unsupported(injection);
      if (why !== undefined) {
        record({ kind: "trouble", text: `unsupported: ${why}` });
        return false;
      }
      await journal.begin(injection);
      open = [...open, injection];
      return await breakIt(injection);
    },
    heal: async (injection, asked = injection.victims) => {
      const victims = asked.filter((victim) => injection.victims.includes(victim));
      if (victims.length === 0) return true;
      const limit = (): AbortSignal => AbortSignal.timeout(healWithin * stage.patience);
      // Mending goes on when the run is stopped: nothing may be left behind.
      const signal = AbortSignal.any([options.hurry, limit()]);
      const patient = options.hurry.aborted ? limit() : signal;
      const scenes = victims.map((victim) =>
        sceneOf(injection, victim, patient, befores.get(injection.id)?.get(victim) ?? ""),
      );
      await checkLasting(injection, scenes);
      tell(injection, "heal", victims, "");
      const { took, ...evidence } = await mend(injection, scenes);
      tell(injection, evidence.proved ? "healed" : "stuck", victims, evidence.text, took);
      const left = injection.victims.filter((victim) => !victims.includes(victim));
      open = open.flatMap((other) =>
        other.id !== injection.id ? [other] : left.length === 0 ? [] : [{ ...injection, victims: left }],
      );
      if (evidence.proved) await journal.end(injection.id, victims);
      return evidence.proved;
    },
  };
}

async function proveAll(
  scenes: readonly Scene[],
  one: (scene: Scene) => Promise<Evidence>,
): Promise<Evidence> {
  const all = await Promise.all(
    scenes.map(async (scene) => ({ victim: scene.victim, ...(await one(scene)) })),
  );
  const doubtful = all.filter((evidence) => !evidence.proved);
  return { proved: doubtful.length === 0, text: showAll(doubtful.length > 0 ? doubtful : all) };
}

/** `core-01, core-02: nothing answers; core-03: it still runs`: machines of which the same was seen stand together. */
function showAll(seen: readonly { readonly victim: string; readonly text: string }[]): string {
  const texts = [...new Set(seen.map(({ text }) => text))];
  return texts
    .map((text) => {
      const victims = seen.filter((other) => other.text === text).map(({ victim }) => victim);
      return `${victims.join(", ")}: ${text}`;
    })
    .join("; ");
}

/** @param random in [0, 1) */
export function newInjection(
  fault: FaultName,
  rest: Pick<Injection, "victims" | "options"> & { readonly ttl: number | undefined; readonly at: number },
  random: () => number,
): Injection {
  const tag = Math.floor(random() * 0xff_ff_ff)
    .toString(16)
    .padStart(6, "0");
  return { ...rest, id: `${fault}-${tag}`, fault, ttl: rest.ttl ?? defaultTtl };
}
