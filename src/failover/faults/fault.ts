import { waitFor, type Clock } from "../../foundation/clock.ts";
import type { FaultEffect } from "../history/history.ts";
import type { FaultName, FaultOptions } from "../scenario/inject.ts";
import type { Ran, Stage } from "../stage/stage.ts";

/** One way to break a machine: how it is done, how it is seen to bite, how it is mended and seen to be gone. */
export interface Fault {
  readonly name: FaultName;
  readonly effect: FaultEffect;
  /** How a report draws it: a few words, and one colour out of a small palette. */
  readonly drawn: Drawing;
  /** For faults that last until they are healed: whether it is still there. Missing for those of a moment. */
  readonly isThere?: (scene: Scene) => Promise<boolean>;
  /** Undefined when this stage can do it to that machine, else why it cannot. Changes nothing. */
  unsupported(scene: Scene): Promise<string | undefined>;
  /**
   * Has the far side promise to undo it in `ttl`, and breaks nothing yet. Gives what must be known later of how things
   * were before.
   */
  arm(scene: Scene): Promise<string>;
  inject(scene: Scene): Promise<void>;
  /** Looks until the fault is seen to bite; says what was seen, and whether that proves it. */
  proveActive(scene: Scene): Promise<Evidence>;
  /** Idempotent, also when it is gone already or was never there. */
  heal(scene: Scene): Promise<void>;
  proveGone(scene: Scene): Promise<Evidence>;
}

export interface Drawing {
  readonly label: string;
  readonly colour: "red" | "orange" | "purple" | "blue" | "grey";
}

/** One machine under one injection of a fault. */
export interface Scene {
  readonly stage: Stage;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Of the injection: `partition-3f2a1b`. */
  readonly id: string;
  readonly victim: string;
  /** All of the same injection. */
  readonly victims: readonly string[];
  readonly options: FaultOptions;
  /** ms */
  readonly ttl: number;
  /** What `arm` gave; empty when another process armed it. */
  readonly before: string;
}

export interface Evidence {
  readonly proved: boolean;
  readonly text: string;
}

/** How long a command on a container may take, ms. */
const answerWithin = 5_000;

/** Runs sh on the victim; undefined when it does not answer. */
export async function onVictim(scene: Scene, script: string): Promise<Ran | undefined> {
  const within = answerWithin * scene.stage.patience;
  return await scene.stage.run(scene.victim, script, { within, signal: scene.signal });
}

/** The same, and it must succeed. */
export async function mustOnVictim(scene: Scene, script: string): Promise<string> {
  const ran = await onVictim(scene, script);
  if (ran?.code === 0) return ran.stdout;
  throw new Error(
    ran === undefined ? `${scene.victim} does not answer` : `${scene.victim}: ${ran.stderr.trim()}`,
  );
}

/** What will be run there soon, and shall then take no time. */
export async function prepareOnVictim(
  { stage, victim, signal }: Scene,
  ...scripts: readonly (string | undefined)[]
): Promise<void> {
  const options = { within: answerWithin, signal };
  await Promise.all(
    scripts.flatMap((script) => (script === undefined ? [] : [stage.prepare(victim, script, options)])),
  );
}

export interface Look {
  /** Between two looks, and in all, for a container; ms. */
  readonly every: number;
  readonly within: number;
  readonly yes: string;
  readonly no: string;
}

/** Looks again and again until `look` is true. */
export async function prove(
  { stage, clock, signal }: Pick<Scene, "stage" | "clock" | "signal">,
  look: () => Promise<boolean>,
  { every, within, yes, no }: Look,
): Promise<Evidence> {
  const seen = await waitFor(async () => ((await look()) ? true : undefined), {
    clock,
    every,
    within: within * stage.patience,
    signal,
  });
  return seen === true ? { proved: true, text: yes } : { proved: false, text: no };
}

/** Proves by a command on the victim that must end with 0. */
export async function proveByCommand(
  scene: Scene,
  script: string,
  look: Partial<Look> & Pick<Look, "yes" | "no">,
): Promise<Evidence> {
  const test = async (): Promise<boolean> => (await onVictim(scene, script))?.code === 0;
  return await prove(scene, test, { every: 50, within: 5_000, ...look });
}
