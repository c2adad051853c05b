import { seededRandom } from "../../src/failover/scenario/victims.ts";

/** One round: what is broken, and when the one who broke it dies. */
export interface Round {
  readonly faults: readonly { readonly inject: string; readonly victims: string }[];
  /** Whether it is `cluster fault inject`, which breaks one thing and leaves, or `cluster test`. */
  readonly byHand: boolean;
  /** After the first fault is seen to be active, ms. */
  readonly killAfter: number;
}

export const nodes = ["core-01", "core-02", "core-03"];

/** Every fault that lasts and that nspawn can do. */
const menu = [
  { inject: "partition" },
  { inject: "partition", direction: "in" },
  { inject: "partition", direction: "out" },
  { inject: "partition", only: "etcd" },
  { inject: "partition", flap: "300ms" },
  { inject: "packet-loss", percent: 20 },
  { inject: "registry-outage" },
  { inject: "freeze" },
  { inject: "process-pause", process: "fleetd" },
  { inject: "process-pause", process: "etcd" },
  { inject: "process-pause", process: "docker" },
  { inject: "cpu-pressure" },
  { inject: "memory-pressure", size: "50MB" },
  { inject: "power-cut" },
];

/** Pure: the rounds that follow from the seed. One to three faults at a time, each on a machine of its own. */
export function planRounds(seed: number, times: number, ttl: string): readonly Round[] {
  const random = seededRandom(seed);
  const below = (end: number): number => Math.floor(random() * end);
  return Array.from({ length: times }, () => {
    const byHand = below(5) === 0;
    const left = [...nodes];
    const count = byHand ? 1 : 1 + below(3);
    const faults = Array.from({ length: count }, () => {
      const [victims = ""] = left.splice(below(left.length), 1);
      return { ...(menu[below(menu.length)] ?? { inject: "partition" }), victims, ttl };
    });
    // By hand there is little time between the proof and its end.
    return { faults, byHand, killAfter: below(byHand ? 20 : 2_500) };
  });
}

/** Pure: the scenario of a round. The last of several faults is healed, so that some die while they mend. */
export function scenarioOf({ faults }: Round): object {
  const last = faults.length > 1 ? faults.at(-1) : undefined;
  return {
    steady: [{ machines: "all", within: "90s" }],
    steps: [
      ...faults,
      { wait: "1s" },
      ...(last === undefined ? [] : [{ heal: last.inject, victims: last.victims }]),
      { wait: "1m" },
    ],
  };
}

/** Pure: what to type for a round by hand. */
export function injectArguments({ faults: [fault] }: Round): string[] {
  if (fault === undefined) return [];
  const { inject, victims, ...options } = fault;
  return [
    "fault",
    "inject",
    inject,
    victims,
    ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]),
  ];
}
