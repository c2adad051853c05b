import type { Life } from "../../src/bin/fleetd-life.ts";
import type { ManualClock } from "../../src/foundation/clock.ts";
import type { Sample } from "../../src/failover/stage/stage.ts";
import type { Machine } from "../../src/fleet/model.ts";
import {
  createMemoryRegistry,
  type MemoryClient,
  type MemoryRegistry,
} from "../../src/fleet/registry/memory.ts";
import { createMemorySystemd, type MemorySystemd } from "../../src/fleet/systemd/memory.ts";
import { aFleetd, anEngine } from "./a-fleetd.ts";
import { aMachine } from "./fleet-world.ts";

/** Between two looks at anything, ms. */
export const lookEvery = 20;
const ttl = 4_000;
/** Between two machines that join because of the same event, ms. */
const joinsApart = 300;
const names = ["core-01", "core-02", "core-03"];

const idOf = (index: number): string => String(index + 1).repeat(32);
/** The machine's name by its id. */
export const nameOf = (id: string | undefined): string | undefined => names[Number(id?.slice(0, 1)) - 1];

/** Three machines with fleet's engine and agent on each, and the etcd that lives as long as most of them do. */
export class FleetCluster {
  readonly names: readonly string[] = names;
  readonly registry: MemoryRegistry;
  readonly #clock: ManualClock;
  readonly #nodes: ReadonlyMap<string, FleetNode>;

  constructor(clock: ManualClock) {
    const registry = createMemoryRegistry({ clock });
    this.#clock = clock;
    this.registry = registry;
    this.#nodes = new Map(names.map((name, index) => [name, new FleetNode(name, index, clock, registry)]));
    for (const node of this.#nodes.values()) node.boot();
  }

  node(name: string): FleetNode {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new Error(`there is no machine ${name}`);
    return node;
  }

  async cut(name: string): Promise<void> {
    await this.node(name).cut();
    this.#keepQuorum();
  }

  async halt(name: string): Promise<void> {
    await this.node(name).halt();
    this.#keepQuorum();
  }

  async powerOn(name: string, signal: AbortSignal): Promise<void> {
    await this.#clock.sleep(1_000, signal);
    this.node(name).boot();
    this.#keepQuorum();
  }

  async close(): Promise<void> {
    for (const node of this.#nodes.values()) await node.cut();
  }

  #keepQuorum(): void {
    const running = [...this.#nodes.values()].filter(({ on }) => on);
    if (running.length * 2 > names.length) this.registry.start();
    else this.registry.stop();
  }
}

/** One machine: what dies with its power is made anew at each boot. */
export class FleetNode {
  readonly name: string;
  readonly #index: number;
  readonly #clock: ManualClock;
  readonly #registry: MemoryRegistry;
  client: MemoryClient;
  #systemd: MemorySystemd;
  #life: Life | undefined;
  #boots = 0;
  #joins = 0;

  constructor(name: string, index: number, clock: ManualClock, registry: MemoryRegistry) {
    this.name = name;
    this.#index = index;
    this.#clock = clock;
    this.#registry = registry;
    this.client = registry.client();
    this.#systemd = createMemorySystemd({ clock });
  }

  get on(): boolean {
    return this.#life !== undefined;
  }

  boot(): void {
    this.#boots += 1;
    const boot = `boot ${this.#boots}`;
    const machine: Machine = aMachine(idOf(this.#index), { bootId: boot, nonce: `${this.name} ${boot}` });
    const clock = this.#clock;
    this.client = this.#registry.client();
    this.#systemd = createMemorySystemd({ clock });
    this.#life = aFleetd({
      machine,
      registry: this.#slowly(this.client),
      systemd: this.#systemd,
      runEngine: anEngine({ clock, ttl }),
      ttl,
      clock,
    });
    void this.#life.run().catch(() => undefined);
  }

  /** Machines do not all come at the same moment; the one that was there first is the last to come back. */
  #slowly(client: MemoryClient): MemoryClient {
    const before = this.#index * joinsApart;
    const after = (names.length - this.#index) * joinsApart;
    return {
      ...client,
      join: async (request, signal) => {
        await this.#clock.sleep(this.#joins++ === 0 ? before : after, signal);
        return await client.join(request, signal);
      },
    };
  }

  async cut(): Promise<void> {
    const life = this.#life;
    this.#life = undefined;
    await this.client.close();
    await life?.suspend();
  }

  async halt(): Promise<void> {
    const life = this.#life;
    await life?.leave();
    // Whatever fleet did not stop runs until the shutdown comes to it.
    await this.#clock.sleep(2_000);
    this.#life = undefined;
    await this.client.close();
  }

  /** Those of the units that run there. */
  async active(units: readonly string[]): Promise<string[]> {
    const found = [];
    for (const unit of units) {
      if ((await this.#systemd.status(unit)).active === "active") found.push(unit);
    }
    return found;
  }

  /** What its systemd says of the units, until it has no power any more. */
  async *samples(units: readonly string[], signal: AbortSignal): AsyncGenerator<Sample> {
    const last = new Map<string, string>();
    const systemd = this.#systemd;
    while (this.on && systemd === this.#systemd && !signal.aborted) {
      for (const unit of units) {
        const { active, sub } = await systemd.status(unit);
        const starts = systemd.calls.filter((call) => call === `start ${unit}`).length;
        const sample = { unit, active, sub, invocation: `${this.#boots} ${starts}` };
        if (last.get(unit) !== JSON.stringify(sample)) yield sample;
        last.set(unit, JSON.stringify(sample));
      }
      await this.#clock.sleep(lookEvery, signal);
    }
  }
}
