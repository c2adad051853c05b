import type { BenchCluster } from "./cluster.ts";

/** What the event stream of one node has told so far. */
export interface Watch {
  /** Resolves with the time (ms, as performance.now) of the event after which it is so; throws after `within` ms. */
  until(what: string, so: (active: Active) => boolean, within: number): Promise<number>;
  stop(): Promise<void>;
}

/** Units by the machine on which systemd calls them active. */
export interface Active {
  readonly machineOf: ReadonlyMap<string, string>;
}

interface StateEvent {
  readonly unit: string;
  readonly machineID: string;
  readonly change: string;
  readonly active?: string;
}

/** Follows the event stream of a node's fleetd. */
export async function watchEvents(cluster: BenchCluster, node: string): Promise<Watch> {
  const machineOf = new Map<string, string>();
  const waiters = new Set<(at: number) => void>();
  const ready = Promise.withResolvers<void>();
  let event = "";
  const command = "curl -sN --unix-socket /run/fleet.sock http://fleet/fleet/v1/events";
  const stream = cluster.lines(node, command, (line, at) => {
    if (line.startsWith("event: ")) event = line.slice(7);
    if (event === "ready") ready.resolve();
    if (!line.startsWith("data: ") || event !== "state") return;
    note(machineOf, JSON.parse(line.slice(6)) as StateEvent);
    for (const waiter of waiters) waiter(at);
  });
  await ready.promise;
  const states = await cluster.on(
    node,
    "fleetctl list-units --no-legend --full --fields=unit,machine,active",
  );
  for (const line of states.split("\n")) {
    const [unit = "", machine = "", active] = line.split(/\t+/);
    if (active === "active") machineOf.set(unit, machine.split("/")[0] ?? "");
  }
  return {
    until: (what, so, within) =>
      new Promise((resolve, reject) => {
        const late = setTimeout(() => {
          waiters.delete(look);
          reject(new Error(`waited ${within} ms in vain until ${what}; ${machineOf.size} units are active`));
        }, within);
        const look = (at: number): void => {
          if (!so({ machineOf })) return;
          clearTimeout(late);
          waiters.delete(look);
          resolve(at);
        };
        waiters.add(look);
        look(performance.now());
      }),
    stop: () => stream.stop(),
  };
}

function note(machineOf: Map<string, string>, { unit, machineID, change, active }: StateEvent): void {
  if (change === "published" && active === "active") machineOf.set(unit, machineID);
  else if (machineOf.get(unit) === machineID) machineOf.delete(unit);
}
