import { AppError } from "../foundation/errors.ts";
import { runsUnit } from "./scenario.ts";

/** What is known of the cluster at the moment when victims are chosen. */
export interface Cast {
  /** All machines by name. */
  readonly nodes: readonly string[];
  /** Where each unit is active. */
  readonly runs: ReadonlyMap<string, readonly string[]>;
  readonly etcdLeader: string | undefined;
  readonly engineLeader: string | undefined;
}

/** A repeatable sequence of numbers in [0, 1); mulberry32, so that a printed seed replays. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/**
 * The machines that are meant: names, `all`, `one`, `etcd leader`, `engine leader`, `the machine that runs UNIT`.
 * Throws E_SCENARIO_INVALID for words that nobody knows, E_CHECK_FAILED when nothing matches now.
 */
export function chooseVictims(
  words: string | readonly string[],
  cast: Cast,
  random: () => number,
): readonly string[] {
  const chosen = [words].flat().flatMap((word) => choose(word, cast, random));
  return cast.nodes.filter((node) => chosen.includes(node));
}

function choose(word: string, cast: Cast, random: () => number): readonly string[] {
  if (cast.nodes.includes(word)) return [word];
  if (word === "all") return cast.nodes;
  if (word === "one") return [cast.nodes[Math.floor(random() * cast.nodes.length)] ?? ""];
  if (word === "etcd leader") return found(word, cast.etcdLeader);
  if (word === "engine leader") return found(word, cast.engineLeader);
  const unit = runsUnit(word);
  if (unit !== undefined) return found(word, cast.runs.get(unit)?.[0]);
  throw new AppError("E_SCENARIO_INVALID", `no machine is called "${word}"`, {
    details: [`machines: ${cast.nodes.join(", ")}`],
    hint: "name machines, or write all, one, etcd leader, engine leader, the machine that runs UNIT",
  });
}

function found(word: string, node: string | undefined): readonly string[] {
  if (node !== undefined) return [node];
  throw new AppError("E_CHECK_FAILED", `"${word}" matches no machine right now`);
}
