import { AppError } from "../../foundation/errors.ts";
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
 * The machines that are meant: names, `all`, `one`, `two of three`, `half`, `a minority`, `a majority`, `etcd leader`,
 * `engine leader`, `the machine that runs UNIT`, and `all but` any of these. What is not told apart is drawn by lot.
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
  const { nodes } = cast;
  if (nodes.includes(word)) return [word];
  if (word === "all") return nodes;
  if (word === "etcd leader") return found(word, cast.etcdLeader);
  if (word === "engine leader") return found(word, cast.engineLeader);
  const except = /^all but (.+)$/.exec(word)?.[1];
  if (except !== undefined) {
    const spared = choose(except, cast, random);
    return found(word, ...nodes.filter((node) => !spared.includes(node)));
  }
  const unit = runsUnit(word);
  if (unit !== undefined) return found(word, ...(cast.runs.get(unit)?.slice(0, 1) ?? []));
  const count = countOf(word, nodes.length);
  if (count !== undefined) return draw(nodes, count, random);
  throw new AppError("E_SCENARIO_INVALID", `no machine is called "${word}"`, {
    details: [`machines: ${nodes.join(", ")}`],
    hint:
      "name machines, or write all, one, two of three, half, a minority, a majority, etcd leader, engine leader, " +
      "the machine that runs UNIT, or all but one of these",
  });
}

const numbers = ["none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

/** How many machines the words mean; undefined for other words. */
function countOf(word: string, machines: number): number | undefined {
  if (word === "half") return Math.floor(machines / 2);
  if (word === "a minority") return Math.floor((machines - 1) / 2);
  if (word === "a majority") return Math.floor(machines / 2) + 1;
  const [, some = "", all] = /^(\w+?)(?: of (\w+))?$/.exec(word) ?? [];
  const number = (text: string): number => (/^\d+$/.test(text) ? Number(text) : numbers.indexOf(text));
  const count = number(some);
  if (count < 1 || (all !== undefined && number(all) < 1)) return undefined;
  if (all !== undefined && number(all) !== machines) {
    throw new AppError("E_SCENARIO_INVALID", `"${word}": the cluster has ${machines} machines`);
  }
  return count;
}

/** So many of them, each as likely as any other. */
function draw(nodes: readonly string[], count: number, random: () => number): readonly string[] {
  if (count < 1 || count > nodes.length) {
    throw new AppError("E_CHECK_FAILED", `there are ${nodes.length} machines, too few to choose ${count}`);
  }
  const left = [...nodes];
  return Array.from({ length: count }, () => left.splice(Math.floor(random() * left.length), 1)).flat();
}

function found(word: string, ...nodes: readonly (string | undefined)[]): readonly string[] {
  const there = nodes.filter((node) => node !== undefined);
  if (there.length > 0) return there;
  throw new AppError("E_CHECK_FAILED", `"${word}" matches no machine right now`);
}
