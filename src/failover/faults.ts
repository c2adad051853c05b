import { waitFor, type Clock } from "../foundation/clock.ts";
import type { FaultEffect } from "./history.ts";
import type { FaultName } from "./scenario.ts";
import type { Stage } from "./stage.ts";

/** One way to break a machine: how it is done, how it is seen to bite, how it is mended and seen to be gone. */
export interface Fault {
  readonly name: FaultName;
  readonly effect: FaultEffect;
  /** Undefined when this stage can do it, else why it cannot. */
  unsupported(stage: Stage): string | undefined;
  inject(stage: Stage, victim: string, signal: AbortSignal): Promise<void>;
  /** Looks until the fault is seen to bite; says what was seen, and whether that proves it. */
  proveActive(context: FaultContext, victim: string): Promise<Evidence>;
  heal(stage: Stage, victim: string, signal: AbortSignal): Promise<void>;
  proveGone(context: FaultContext, victim: string): Promise<Evidence>;
}

export interface FaultContext {
  readonly stage: Stage;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface Evidence {
  readonly proved: boolean;
  readonly text: string;
}

/** How long a proof may take, ms: dying is quick, booting is not. */
const proofWithin = { dead: 3_000, alive: 90_000 };

const isDead = async (context: FaultContext, victim: string): Promise<Evidence> => {
  const { stage, clock, signal } = context;
  const dead = await waitFor(
    async () => {
      const vital = await stage.vital(victim, signal);
      return vital.running || vital.answers ? undefined : true;
    },
    { clock, every: 50, within: proofWithin.dead, signal },
  );
  return dead === true
    ? { proved: true, text: "its processes are gone and nothing answers at its address" }
    : { proved: false, text: "it still runs or still answers" };
};

const isAlive = async (context: FaultContext, victim: string): Promise<Evidence> => {
  const { stage, clock, signal } = context;
  const alive = await waitFor(
    async () => {
      const vital = await stage.vital(victim, signal);
      return vital.running && vital.answers ? true : undefined;
    },
    { clock, every: 100, within: proofWithin.alive, signal },
  );
  return alive === true
    ? { proved: true, text: "it runs and answers" }
    : { proved: false, text: "it does not run, or does not answer" };
};

const powerOff = {
  effect: "off" as const,
  proveActive: isDead,
  heal: (stage: Stage, victim: string, signal: AbortSignal) => stage.powerOn(victim, signal),
  proveGone: isAlive,
};

/** All faults by name. */
export function allFaults(): Readonly<Record<FaultName, Fault>> {
  return {
    "power-cut": {
      name: "power-cut",
      unsupported: (stage) =>
        stage.capabilities.powerCut === "none"
          ? `provider ${stage.provider} cannot cut a machine's power`
          : undefined,
      inject: (stage, victim, signal) => stage.cut(victim, signal),
      ...powerOff,
    },
    halt: {
      name: "halt",
      unsupported: () => undefined,
      inject: (stage, victim, signal) => stage.halt(victim, signal),
      ...powerOff,
    },
  };
}
