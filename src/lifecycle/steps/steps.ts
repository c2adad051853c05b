import { showDuration } from "../../foundation/duration.ts";
import { messageOf } from "../../foundation/errors.ts";
import type { World } from "../cluster.ts";
import type { Journal } from "./journal.ts";
import type { Chain, Plan, Step, StepKind, StepOf } from "../plan/plan.ts";

/** How one kind of step is carried out. `say` tells the user what is going on inside it. */
export type Execute<Kind extends StepKind> = (
  step: StepOf<Kind>,
  say: (message: string) => void,
  signal: AbortSignal,
) => Promise<void>;

/** One for each kind that a verb's plan can hold. */
export type Executors<Kinds extends StepKind> = { readonly [Kind in Kinds]: Execute<Kind> };

/** Where each step's begin and end is written down. */
export type StepJournal = Pick<Journal, "mark">;

/**
 * Carries a plan out: stages one after the other, the chains of a stage side by side. The first failure stops the other
 * chains of its stage and is thrown when they have stopped.
 */
export async function carryOut<Kinds extends StepKind>(
  plan: Plan<Kinds>,
  executors: Executors<Kinds>,
  world: World,
  journal?: StepJournal,
): Promise<void> {
  for (const stage of plan) {
    const stop = new AbortController();
    const signal = AbortSignal.any([world.signal, stop.signal]);
    let failure: { readonly error: unknown } | undefined;
    const chains = stage.map(async (chain) => {
      try {
        await runChain(chain, executors as unknown as Executors<StepKind>, { world, journal, signal });
      } catch (error) {
        failure ??= { error };
        stop.abort(error);
      }
    });
    await Promise.all(chains);
    world.signal.throwIfAborted();
    if (failure !== undefined) throw failure.error;
  }
}

interface Run {
  readonly world: World;
  readonly journal: StepJournal | undefined;
  readonly signal: AbortSignal;
}

async function runChain(chain: Chain, executors: Executors<StepKind>, run: Run): Promise<void> {
  for (const step of chain) {
    run.signal.throwIfAborted();
    await runStep(step, executors, run);
  }
}

async function runStep(step: Step, executors: Executors<StepKind>, run: Run): Promise<void> {
  const { world, journal, signal } = run;
  const begin = world.clock.monotonic();
  const elapsed = (): number => Math.round(world.clock.monotonic() - begin);
  await journal?.mark("begin", step);
  world.emit({ kind: "step-begin", step });
  const say = (message: string): void => world.emit({ kind: "step-progress", step, message });
  try {
    // The table is complete by its type; TypeScript cannot follow the union through the index.
    const execute = executors[step.kind] as Execute<StepKind>;
    await execute(step, say, signal);
  } catch (error) {
    // When another chain failed or the user stopped us, this step is unfinished rather than failed.
    if (!signal.aborted) {
      world.emit({ kind: "step-failed", step, ms: elapsed(), message: messageOf(error) });
      await journal?.mark("failed", step);
    }
    throw error;
  }
  await journal?.mark("end", step);
  world.emit({ kind: "step-end", step, ms: elapsed() });
  world.log.debug("step done", { step: step.kind, took: showDuration(elapsed()) });
}
