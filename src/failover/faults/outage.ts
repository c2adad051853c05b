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
  const ward: Ward = { ...options, befores: new Map() };
  let open: Injection[] = [];
  return {
    get open() {
      return open;
    },
    inject: async (injection) => {
      const why = await unsupported(ward, injection);
      if (why !== undefined) {
        ward.record({ kind: "trouble", text: `unsupported: ${why}` });
        return false;
      }
      await ward.journal.begin(injection);
      open = [...open, injection];
      return await breakIt(ward, injection);
    },
    heal: async (injection, asked = injection.victims) => {
      const victims = asked.filter((victim) => injection.victims.includes(victim));
      if (victims.length === 0) return true;
      const healed = await mend(ward, injection, victims);
      const left = injection.victims.filter((victim) => !victims.includes(victim));
      open = open.flatMap((other) =>
        other.id !== injection.id ? [other] : left.length === 0 ? [] : [{ ...injection, victims: left }],
      );
      // What nobody looked at stays in the journal, so that 'cluster fault heal' takes care of it.
      if (healed && !ward.hurry.aborted) await ward.journal.end(injection.id, victims);
      return healed;
    },
  };
}

interface Ward extends OutagesOptions {
  /** What `arm` gave, by injection and victim. */
  readonly befores: Map<string, ReadonlyMap<string, string>>;
}

function sceneOf(ward: Ward, injection: Injection, victim: string, signal: AbortSignal): Scene {
  const { id, victims, ttl, options } = injection;
  const before = ward.befores.get(id)?.get(victim) ?? "";
  return { stage: ward.stage, clock: ward.clock, signal, id, victim, victims, options, ttl, before };
}

interface Told {
  readonly action: FaultAction;
  readonly victims: readonly string[];
  readonly evidence?: string;
  /** ms */
  readonly took?: number;
}

function tell(ward: Ward, injection: Injection, { action, victims, evidence = "", took }: Told): void {
  const { id, fault, options } = injection;
  ward.record({
    kind: "fault",
    action,
    fault: showFault(fault, options),
    id,
    effect: ward.faults[fault].effect,
    victims,
    ...(took === undefined ? {} : { took: Math.round(took * 10) / 10 }),
    evidence,
  });
}

async function unsupported(ward: Ward, injection: Injection): Promise<string | undefined> {
  const [first = ""] = injection.victims;
  return await ward.faults[injection.fault].unsupported(sceneOf(ward, injection, first, ward.signal));
}

/** False when it was not seen to bite. */
async function breakIt(ward: Ward, injection: Injection): Promise<boolean> {
  const { clock, befores } = ward;
  const fault = ward.faults[injection.fault];
  const { victims } = injection;
  const scenes = await Promise.all(
    victims.map(async (victim) => {
      const scene = sceneOf(ward, injection, victim, ward.signal);
      return { ...scene, before: await fault.arm(scene) };
    }),
  );
  // Known from here on: who mends has to know it also when breaking ends half-way.
  befores.set(injection.id, new Map(scenes.map(({ victim, before }) => [victim, before])));
  tell(ward, injection, { action: "inject", victims });
  const begun = clock.monotonic();
  await Promise.all(scenes.map((scene) => fault.inject(scene)));
  const took = clock.monotonic() - begun;
  const evidence = await proveAll(scenes, (scene) => fault.proveActive(scene));
  const action = evidence.proved ? "active" : "toothless";
  tell(ward, injection, { action, victims, evidence: evidence.text, took });
  ward.onSettled?.(fault, victims);
  return evidence.proved;
}

/** A fault that is over before we mend it (its time was too short, something restarted) did not last as it should. */
async function checkLasting(ward: Ward, injection: Injection, scenes: readonly Scene[]): Promise<void> {
  const { isThere } = ward.faults[injection.fault];
  if (isThere === undefined || ward.signal.aborted) return;
  const looks = await Promise.all(scenes.map((scene) => isThere(scene).catch(() => false)));
  const victims = scenes.filter((_, index) => looks[index] === false).map(({ victim }) => victim);
  if (victims.length === 0) return;
  const evidence = `it had ended before it was healed (its time: ${injection.ttl / 1_000} s)`;
  tell(ward, injection, { action: "toothless", victims, evidence });
}

/** Mends these machines and looks whether they are mended. */
async function mend(ward: Ward, injection: Injection, victims: readonly string[]): Promise<boolean> {
  // Mending goes on when the run is stopped: nothing may be left behind.
  const patient = AbortSignal.timeout(healWithin * ward.stage.patience);
  const scenes = victims.map((victim) => sceneOf(ward, injection, victim, patient));
  await checkLasting(ward, injection, scenes);
  tell(ward, injection, { action: "heal", victims });
  const { took, proved, text } = await healAll(ward, ward.faults[injection.fault], scenes);
  tell(ward, injection, { action: proved ? "healed" : "stuck", victims, evidence: text, took });
  return proved;
}

async function healAll(
  ward: Ward,
  fault: Fault,
  scenes: readonly Scene[],
): Promise<Evidence & { readonly took: number }> {
  const { clock, hurry } = ward;
  const begun = clock.monotonic();
  const over = new AbortController();
  const mending = Promise.allSettled(scenes.map((scene) => fault.heal(scene)));
  const healed = await Promise.race([mending, hurried(ward, over.signal)]);
  over.abort();
  const failed = healed.flatMap((end) => (end.status === "rejected" ? [messageOf(end.reason)] : []));
  const took = clock.monotonic() - begun;
  if (failed.length > 0) return { proved: false, text: failed.join("; "), took };
  if (hurry.aborted) return { ...notLookedAt, took };
  try {
    const looking = scenes.map((scene) => ({ ...scene, signal: AbortSignal.any([scene.signal, hurry]) }));
    return { ...(await proveAll(looking, (scene) => fault.proveGone(scene))), took };
  } catch (error) {
    if (hurry.aborted) return { ...notLookedAt, took };
    return { proved: false, text: messageOf(error), took };
  }
}

/** How long mending may take when it is hurried, ms; what is begun by then goes on by itself on the far side. */
const hurriedWithin = 1_000;

const notLookedAt: Evidence = { proved: true, text: "in a hurry: not looked at" };

/** Settles, with nothing, a moment after it is hurried; is forgotten when `over` aborts. */
async function hurried({ hurry, clock }: Ward, over: AbortSignal): Promise<never[]> {
  if (!hurry.aborted) {
    await new Promise((done) => hurry.addEventListener("abort", done, { once: true, signal: over }));
  }
  await clock.sleep(hurriedWithin, over).catch(() => undefined);
  return [];
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
