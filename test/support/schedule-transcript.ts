import type { Decision } from "../../src/fleet/model.ts";
import { aMachine, aUnit, FleetWorld } from "./fleet-world.ts";

/**
 * Plays a transcript: lines that start with `> ` are commands, `# ` is for the reader, all others are what happened and
 * are written anew. After each command the cluster settles; each line says what was decided or done.
 *
 *   machine ID [KEY=VALUE…]   registers a machine or changes its metadata
 *   leave ID                  the machine gives its units away
 *   cordon ID / uncordon ID   the machine shall have no units / may have units again
 *   lose ID                   the machine is cut off and believed gone
 *   vanish ID                 the machine is no longer registered, but not believed gone
 *   slow ID / quick ID        its agent does nothing / acts again
 *   unit NAME [OPTION…]       submits a unit with lines of [X-Fleet]; quotes keep blanks in an option
 *   start|load|unload NAME…   sets target states
 *   destroy NAME…             removes units
 *   show                      who runs what, and what is refused
 */
export function playTranscript(text: string): string {
  const world = new FleetWorld();
  const output: string[] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("# ") || line === "") output.push(line);
    if (!line.startsWith("> ")) continue;
    output.push(line);
    const [verb = "", ...words] = wordsOf(line.slice(2));
    if (verb === "show") output.push(...show(world));
    else {
      command(world, verb, words);
      world.settle(({ decisions, done }) =>
        output.push(...decisions.map(describeDecision), ...done.map((what) => `  ${what}`)),
      );
    }
  }
  return output.join("\n").replaceAll(/\n{3,}/g, "\n\n");
}

function wordsOf(line: string): string[] {
  return [...line.matchAll(/(?:'([^']*)'|(\S+))/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
}

function command(world: FleetWorld, verb: string, words: readonly string[]): void {
  const [id = "", ...rest] = words;
  const machine = world.machines.get(id) ?? aMachine(id);
  const run = commands(world, { id, rest, words, machine })[verb];
  if (run === undefined) throw new Error(`unknown command ${verb}`);
  run();
}

function commands(
  world: FleetWorld,
  {
    id,
    rest,
    words,
    machine,
  }: { id: string; rest: readonly string[]; words: readonly string[]; machine: ReturnType<typeof aMachine> },
): Record<string, () => unknown> {
  const want = (desired: "inactive" | "loaded" | "launched") => () => {
    for (const name of words) {
      const unit = world.units.get(name);
      if (unit !== undefined) world.units.set(name, { ...unit, desired });
    }
  };
  return {
    machine: () => {
      world.gone.delete(id);
      const metadata = Object.fromEntries(rest.map((pair) => pair.split("=")));
      return world.machines.set(id, { ...machine, metadata: metadata as Record<string, string> });
    },
    leave: () => world.machines.set(id, { ...machine, leaving: true }),
    cordon: () => world.cordons.set(id, { machineID: id, since: 0 }),
    uncordon: () => world.cordons.delete(id),
    vanish: () => world.vanish(id),
    lose: () => {
      world.vanish(id);
      world.gone.add(id);
    },
    slow: () => world.slow.add(id),
    quick: () => world.slow.delete(id),
    unit: () => world.units.set(id, aUnit(id, rest, { desired: "inactive" })),
    start: want("launched"),
    load: want("loaded"),
    unload: want("inactive"),
    destroy: () => {
      for (const name of words) world.destroy(name);
    },
  };
}

/** One decision as a line (a refusal as several). */
function describeDecision(decision: Decision): string {
  switch (decision.kind) {
    case "place": {
      const { unit, machineID, reason } = decision.placement;
      return `place ${unit} on ${machineID}: ${reason}`;
    }
    case "release":
      return `release ${decision.unit} from ${decision.from}: ${decision.reason}`;
    case "refuse": {
      const { unit, summary, reasons } = decision.refusal;
      return [
        `refuse ${unit}: ${summary}`,
        ...reasons.map(({ machineID, why }) => `    ${machineID}: ${why}`),
      ].join("\n");
    }
    case "forgive":
      return `forgive ${decision.unit}`;
  }
}

function show(world: FleetWorld): string[] {
  const running = [...world.states].flatMap(([unit, states]) =>
    [...states.keys()].map((id) => `  ${id} runs ${unit}`),
  );
  return [...running.sort(), ...[...world.refusals.keys()].sort().map((unit) => `  ${unit} is refused`)];
}
