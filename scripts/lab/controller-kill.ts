import type { ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import type { LabCluster } from "./cluster.ts";
import { injectArguments, nodes, planRounds, type Round, scenarioOf } from "./kill-plan.ts";
import { differences, type Place, readTraces, type Traces } from "./traces.ts";

/** Faults undo themselves after so long, ms. */
const ttl = 6_000;
/** So long before the first fault's time is over the controller is dead, ms: else there would be nothing left to undo. */
const inTime = 1_500;
/** How much later than that all must be as before, ms. */
const grace = 1_000;
/** How often it is looked, ms. Each look is work for the machines, just when they have to undo. */
const every = 250;
/** How long a machine may need until it is up again and all is steady, ms. */
const settleWithin = 60_000;

export interface Killed {
  readonly faults: string;
  readonly by: "cluster test" | "cluster fault inject";
  /** ms after the first fault was active */
  readonly killAfter: number;
  /** When all was as before, ms after the faults' time; undefined: never. */
  readonly late: number | undefined;
  readonly ok: boolean;
  readonly left: readonly string[];
}

/** Kills the controller with -9 at moments drawn by lot; what is left is compared with what was before. */
export async function killControllers(
  cluster: LabCluster,
  { seed, times, stop }: { readonly seed: number; readonly times: number; readonly stop: AbortSignal },
): Promise<readonly Killed[]> {
  const place = { dir: cluster.dir, nodes };
  // sudo leaves a file at its first use.
  await cluster.run(["exec", "--", "sudo", "true"]);
  const killed: Killed[] = [];
  for (const [index, round] of planRounds(seed, times, `${ttl / 1_000}s`).entries()) {
    if (stop.aborted) break;
    const before = await readTraces(place);
    const one = await settled(await playRound(cluster, place, before, round), place, before);
    killed.push(one);
    process.stdout.write(`${String(index + 1).padStart(3)} of ${times}  ${show(one)}\n`);
    if (!one.ok) await cluster.run(["fault", "heal"]);
  }
  return killed;
}

async function playRound(cluster: LabCluster, place: Place, before: Traces, round: Round): Promise<Killed> {
  await cluster.scenario("killed", scenarioOf(round));
  const child = cluster.start(...(round.byHand ? injectArguments(round) : ["test", "killed"]));
  const { armedAt, said } = await killLater(child, round.killAfter);
  const result = {
    faults: round.faults.map((fault) => Object.values(fault).slice(0, -1).join(" ")).join(", "),
    by: round.byHand ? ("cluster fault inject" as const) : ("cluster test" as const),
    killAfter: round.killAfter,
  };
  if (armedAt === undefined)
    return { ...result, late: undefined, ok: false, left: ["no fault became active", ...said] };
  // Else there would be nothing to undo, and that nothing is left would prove nothing.
  if (differences(before, await readTraces(place)).length === 0)
    return { ...result, late: undefined, ok: false, left: ["nothing was broken when it died"] };
  return { ...result, ...(await watchUndoing(place, before, armedAt + ttl, round)) };
}

/** Looks until all is as before; judges at the end of the faults' time and grace. */
async function watchUndoing(
  place: Place,
  before: Traces,
  over: number,
  round: Round,
): Promise<Pick<Killed, "late" | "ok" | "left">> {
  // A machine that has its power back then still has to start: that it has it is due, and the rest once it is up.
  const cut = round.faults.filter(({ inject }) => inject === "power-cut").map(({ victims }) => victims);
  const due = (left: readonly string[]): readonly string[] =>
    left.filter((line) => !cut.some((node) => isOf(node, line) && line !== `${node} power: + off`));
  await sleep(Math.max(0, over - performance.now()));
  for (;;) {
    const lookedAt = performance.now();
    const left = due(differences(before, await readTraces(place)));
    const late = Math.round(lookedAt - over);
    if (left.length === 0) return { late: Math.max(0, late), ok: true, left };
    if (late > grace) return { late: undefined, ok: false, left };
    await sleep(Math.min(every, Math.max(1, over + grace + 1 - performance.now())));
  }
}

/** Whether a difference is one of that machine, or of the host's end of its cable. */
function isOf(node: string, line: string): boolean {
  const [, number = ""] = node.split("-");
  return line.startsWith(node) || (line.startsWith("host links") && line.includes(`-${number} `));
}

/**
 * Kills the process and what it started, a while after its first fault is seen to be active.
 * @returns armedAt when the last fault's time had begun at the latest, by performance.now()
 */
async function killLater(
  child: ChildProcess,
  killAfter: number,
): Promise<{ readonly armedAt: number | undefined; readonly said: readonly string[] }> {
  const said: string[] = [];
  const active = Promise.withResolvers<boolean>();
  let [firstArmedAt, armedAt]: (number | undefined)[] = [];
  const read = (chunk: string): void => {
    said.push(chunk);
    if (chunk.includes("⚡")) armedAt = performance.now();
    firstArmedAt ??= armedAt;
    if (chunk.includes("proved:")) active.resolve(true);
  };
  child.stdout?.setEncoding("utf8").on("data", read);
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => void said.push(chunk));
  const closed = new Promise<void>((done) => child.once("close", () => done()));
  void closed.then(() => active.resolve(false));
  const wasActive = await Promise.race([active.promise, sleep(120_000, false, { ref: false })]);
  const atMost = (firstArmedAt ?? 0) + ttl - inTime - performance.now();
  if (wasActive) await sleep(Math.max(0, Math.min(killAfter, atMost)));
  try {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  } catch {
    // It has ended by itself: `cluster fault inject` leaves its fault behind on purpose.
  }
  await closed;
  // It may just have been arming the next one when it died.
  const text = said.join("");
  const arming =
    text.lastIndexOf("step ") > text.lastIndexOf("⚡") &&
    !/wait|heal/.test(text.slice(text.lastIndexOf("step ")));
  return { armedAt: wasActive ? (arming ? performance.now() : armedAt) : undefined, said };
}

/** A machine that got its power back has to look as before as well, once it is up. */
async function settled(one: Killed, place: Place, before: Traces): Promise<Killed> {
  const end = performance.now() + settleWithin;
  for (;;) {
    const left = differences(before, await readTraces(place));
    if (left.length === 0 || !one.ok) return one;
    if (performance.now() > end) return { ...one, ok: false, left };
    await sleep(200);
  }
}

function show({ faults, by, killAfter, late, ok, left }: Killed): string {
  const end = ok ? `as before ${late} ms after their time` : `LEFT: ${left.slice(0, 8).join("; ")}`;
  return `${by} killed ${killAfter} ms after the first was active; ${end}   (${faults})`;
}
