/** One deliberate mistake, which the tests must notice. */
export interface Mutant {
  /** What is wrong then, in a few words. */
  readonly name: string;
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** The tests of which one must turn red. */
  readonly tests: readonly string[];
}

const fleet = ["test/fleet-scenarios.test.ts"];
const lab = [
  "src/failover/run.test.ts",
  "src/failover/verdict.test.ts",
  "src/failover/invariants",
  "src/failover/report",
  "src/failover/history",
];

/** Mistakes in fleet: scenarios against the real engine and agents turn red. */
const inFleet: readonly Mutant[] = [
  {
    name: "every machine starts every unit: a second copy runs",
    file: "src/fleet/agent/desired.ts",
    find: "snapshot.placements.get(name)?.machineID === machine.id",
    replace: "snapshot.placements.has(name)",
    tests: fleet,
  },
  {
    name: "the engine believes at once that a machine is gone, although its own lease was broken",
    file: "src/fleet/engine/belief.ts",
    find: "if (now < trustworthyAt) return",
    replace: "if (now < 0) return",
    tests: fleet,
  },
  {
    name: "the engine never believes that a machine is gone",
    file: "src/fleet/engine/belief.ts",
    find: "const gone = new Set([...missing].filter((id) => !awaited.has(id)));",
    replace: "const gone = new Set<string>();",
    tests: fleet,
  },
  {
    name: "after the loss of most machines the engine holds for ever",
    file: "src/fleet/engine/belief.ts",
    find: "sight.now + patience.outageGrace : undefined",
    replace: "sight.now + 1e9 : undefined",
    tests: ["src/fleet/engine/belief.test.ts"],
  },
  {
    name: "an agent stops its units when etcd does not answer",
    file: "src/fleet/agent/agent.ts",
    find: "        await mirror.changed(until);",
    replace: "        if (!mirror.fresh) this.#apply(new Map());\n        await mirror.changed(until);",
    tests: fleet,
  },
  {
    name: "an agent stops its units when its lease is lost",
    file: "src/fleet/agent/agent.ts",
    find: "if (!this.#leaving) this.#publisher.detach();",
    replace: "this.#apply(new Map());\n      this.#publisher.detach();",
    tests: fleet,
  },
  {
    name: "a machine that leaves gives its units up, but does not stop them",
    file: "src/fleet/agent/agent.ts",
    find: "this.#leaving = true;",
    replace:
      "this.#leaving = true;\n    for (const name of this.#workers.keys()) this.#publisher.set(name, undefined);\n    if (options !== undefined) return `heard`;",
    tests: [...fleet, "src/fleet/agent/agent.test.ts", "src/bin/fleetd-life.test.ts"],
  },
  {
    name: "the status lies: what was published first stays",
    file: "src/fleet/agent/unit-worker.ts",
    find: "  hear(status: SystemdStatus): void {\n    this.#status = status;",
    replace: "  hear(status: SystemdStatus): void {\n    this.#status = this.#status ?? status;",
    tests: fleet,
  },
  {
    name: "a restart too many: an agent that joins again starts its units anew",
    file: "src/fleet/agent/agent.ts",
    find: "    const until = AbortSignal.any([signal, session.lost]);",
    replace:
      "    const { systemd } = this.#options;\n    for (const name of this.#workers.keys()) void systemd.stop(name).then(() => systemd.start(name));\n    const until = AbortSignal.any([signal, session.lost]);",
    tests: fleet,
  },
  {
    name: "Conflicts is not looked at",
    file: "src/fleet/schedule/able.ts",
    find: "return one.conflictsWith(other.name) || other.conflictsWith(one.name);",
    replace: "return one.name === other.name;",
    tests: fleet,
  },
  {
    name: "MachineOf is not looked at",
    file: "src/fleet/engine/planner.ts",
    find: "const requirements = read.get(unit) ?? requirementsOf(unit);",
    replace: "const requirements = read.get(unit) ?? { ...requirementsOf(unit), peers: [] };",
    tests: fleet,
  },
  {
    name: "desired states are taken for loaded: nothing is started",
    file: "src/fleet/agent/desired.ts",
    find: "[[name, { name, desired, ...fileOf(unit) }]]",
    replace: '[[name, { name, desired: "loaded", ...fileOf(unit) }]]',
    tests: fleet,
  },
];

/** Mistakes in the lab itself: a wrong verdict turns a test of the lab red. */
const inLab: readonly Mutant[] = [
  {
    name: "a power cut that does nothing: every scenario is inconclusive",
    file: "src/failover/faults/power.ts",
    find: "inject: ({ stage, victim, signal }) => stage.cut(victim, signal),",
    replace: "inject: async () => undefined,",
    tests: lab,
  },
  {
    name: "a heal that forgets",
    file: "src/failover/faults/power.ts",
    find: "const powerOn = async ({ stage, id, victim, signal }: Scene): Promise<void> => {\n  await stage.powerOn(victim, signal);",
    replace: "const powerOn = async ({ stage, id, victim, signal }: Scene): Promise<void> => {",
    tests: lab,
  },
  {
    name: "a run that is stopped heals nothing",
    file: "src/failover/run.ts",
    find: "  } finally {\n    await healEverything(run);",
    replace: "  } finally {",
    tests: lab,
  },
  {
    name: "a fault that did not bite raises no doubt",
    file: "src/failover/verdict.ts",
    find: 'event.kind === "fault" && event.action === "toothless"',
    replace: 'event.kind === "fault" && event.action === "stuck"',
    tests: lab,
  },
  {
    name: "a machine out of sight raises no doubt",
    file: "src/failover/verdict.ts",
    find: "const longestGap = 2_000;",
    replace: "const longestGap = 2e9;",
    tests: lab,
  },
  {
    name: "a probe that failed is overlooked",
    file: "src/failover/verdict.ts",
    find: 'event.kind === "probe" && event.phase !== "before" && !event.ok',
    replace: 'event.kind === "probe" && event.phase !== "before" && event.at < 0',
    tests: lab,
  },
  {
    name: "a fault that could not be healed is overlooked",
    file: "src/failover/verdict.ts",
    find: 'event.kind === "fault" && event.action === "stuck"',
    replace: 'event.kind === "fault" && event.at < 0',
    tests: lab,
  },
  {
    name: "broken invariants do not count",
    file: "src/failover/verdict.ts",
    find: 'findings.filter(({ weight }) => weight === "broken")',
    replace: 'findings.filter(({ weight }) => weight === "note" && false)',
    tests: lab,
  },
  {
    name: "a machine without power is taken to run its units on",
    file: "src/failover/history/timeline.ts",
    find: "for (const node of event.victims) close(node, wentOffAt(events, event, node));",
    replace:
      "for (const node of event.victims) if (node === '') close(node, wentOffAt(events, event, node));",
    tests: lab,
  },
  {
    name: "every second copy is excused",
    file: "src/failover/invariants/copies.ts",
    find: "const split = wasSplit(facts, both.from, both.from);",
    replace: "const split = wasSplit(facts, both.from, both.from) || true;",
    tests: lab,
  },
  {
    name: "fleet may lie for a whole minute",
    file: "src/failover/invariants/agreement.ts",
    find: "const publishWithin = 3_000;",
    replace: "const publishWithin = 60_000;",
    tests: lab,
  },
  {
    name: "an API that lies at rest is always taken to be about to agree",
    file: "src/failover/invariants/agreement.ts",
    find: ".filter((found) => found.for > publishWithin * facts.patience)",
    replace: ".filter((found) => found.for > 1e9)",
    tests: lab,
  },
  {
    name: "every fault anywhere excuses a restart",
    file: "src/failover/invariants/restarts.ts",
    find: "if (reasons.some(({ node }) => node === before.node || node === span.node)) return [];",
    replace: "if (reasons.length > 0) return [];",
    tests: lab,
  },
  {
    name: "trouble in etcd excuses a restart",
    file: "src/failover/invariants/effects.ts",
    find: "return !controlPlane.test(span.fault);",
    replace: "return true;",
    tests: lab,
  },
  {
    name: "orphans are not looked for",
    file: "src/failover/invariants/orphans.ts",
    find: 'weight: "broken"',
    replace: 'weight: "note"',
    tests: lab,
  },
  {
    name: "units that vanished from etcd are not missed",
    file: "src/failover/invariants/nothing-lost.ts",
    find: "if (is === was ||",
    replace: "if (is === undefined || is === was ||",
    tests: lab,
  },
  {
    name: "inconclusive counts as pass",
    file: "src/failover/report/finished.ts",
    find: "exitCodes.inconclusive : exitCodes.ok",
    replace: "exitCodes.ok : exitCodes.ok",
    tests: lab,
  },
  {
    name: "a report that was cut short is read as far as it goes",
    file: "src/failover/report/read.ts",
    find: 'if (last !== "") return broken',
    replace: 'if (last === "never") return broken',
    tests: lab,
  },
];

export const mutants: readonly Mutant[] = [...inFleet, ...inLab];
