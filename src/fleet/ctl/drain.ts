import { isAppError } from "../../foundation/errors.ts";
import type { ApiMachine, ApiUnit, ApiUnitState, FleetClient } from "../api/client.ts";
import { isGlobal } from "../unit/requirements.ts";
import type { Call } from "./command.ts";
import { byId, machineLegend } from "./legend.ts";
import { doesNotWait, waitLimit } from "./wait.ts";

/** Between two looks, ms. */
const lookEvery = 100;
/** A refusal that is younger than this may be taken back in the next moment, ms. */
const settleTime = 500;

/** `fleetctl drain`: machines get no units any more, and those they have move. */
export async function drain(call: Call): Promise<number> {
  const machines = await namedMachines(call);
  if (machines === undefined) return 1;
  const fleet = await call.fleet();
  const names = byId(machines);
  // What is on them now, so that it can be said where each unit went.
  const before = await unitsOn(fleet, machines);
  for (const { id } of machines) {
    if (!(await fleet.cordon(id))) {
      call.err(`Machine ${machineLegend(id, names)} has left the cluster`);
      return 1;
    }
    call.out(`Machine ${machineLegend(id, names)} takes no units`);
  }
  if (doesNotWait(call)) return 0;
  return await untilEmpty(call, machines, before);
}

/** `fleetctl uncordon`: the opposite; what moved away stays where it is. */
export async function uncordon(call: Call): Promise<number> {
  if (call.args.length === 0) {
    call.err("No machines given");
    return 1;
  }
  const fleet = await call.fleet();
  const [machines, cordons] = await Promise.all([fleet.machines(), fleet.cordons()]);
  // A machine that is off can be uncordoned too: only its cordon knows its id.
  const known = cordons.map(({ machineID }) => byId(machines).get(machineID) ?? aStranger(machineID));
  for (const word of call.args) {
    const all = [...known, ...machines.filter(({ id }) => !known.some((other) => other.id === id))];
    const machine = pick(call, all, word);
    if (machine === undefined) return 1;
    const done = await fleet.uncordon(machine.id);
    const legend = machineLegend(machine.id, byId(machines));
    call.out(done ? `Machine ${legend} takes units again` : `Machine ${legend} was not cordoned`);
  }
  return 0;
}

function aStranger(id: string): ApiMachine {
  return { id, primaryIP: "", metadata: {} };
}

async function namedMachines(call: Call): Promise<readonly ApiMachine[] | undefined> {
  if (call.args.length === 0) {
    call.err("No machines given");
    return undefined;
  }
  const all = await (await call.fleet()).machines();
  const picked = call.args.map((word) => pick(call, all, word));
  const found = picked.filter((machine) => machine !== undefined);
  return found.length < picked.length ? undefined : [...new Set(found)];
}

function pick(call: Call, machines: readonly ApiMachine[], word: string): ApiMachine | undefined {
  const found = machines.filter(({ id, primaryIP }) => id.startsWith(word) || primaryIP === word);
  const [machine, ...others] = found;
  if (machine === undefined) call.err(`There is no machine ${word}`);
  else if (others.length > 0) call.err(`${word} is more than one machine`);
  return others.length === 0 ? machine : undefined;
}

interface OnMachines {
  /** Placed there, or still there by what systemd says; without global ones. */
  readonly staying: readonly ApiUnit[];
  readonly all: readonly ApiUnit[];
  readonly states: readonly ApiUnitState[];
}

async function unitsOn(fleet: FleetClient, machines: readonly ApiMachine[]): Promise<OnMachines> {
  const [all, states] = await Promise.all([fleet.units(), fleet.states()]);
  const ids = new Set(machines.map(({ id }) => id));
  const held = new Set(states.filter(({ machineID }) => ids.has(machineID)).map(({ name }) => name));
  const staying = all.filter((unit) => !isGlobal(unit) && (ids.has(unit.machineID) || held.has(unit.name)));
  return { staying, all, states };
}

async function untilEmpty(call: Call, machines: readonly ApiMachine[], before: OnMachines): Promise<number> {
  const fleet = await call.fleet();
  const { clock } = call.world;
  const begin = clock.monotonic();
  const moving = new Map(before.staying.map(({ name }) => [name, begin]));
  const everybody = byId(await fleet.machines());
  for (;;) {
    const now = await lookAgain(fleet, machines);
    for (const name of moving.keys()) {
      if (now === undefined || now.staying.some((unit) => unit.name === name)) continue;
      const sight = settled(name, now);
      if (sight === "on its way") continue;
      if (sight === "refused" && clock.monotonic() - (moving.get(name) ?? 0) < settleTime) continue;
      moving.delete(name);
      report(call, name, now, everybody);
    }
    if (now !== undefined && moving.size === 0 && now.staying.length === 0) {
      for (const { id } of machines) call.err(`Machine ${machineLegend(id, everybody)} is drained.`);
      return 0;
    }
    if (clock.monotonic() - begin >= waitLimit(call)) {
      const left = now?.staying.map(({ name }) => name) ?? [...moving.keys()];
      call.err(`Error waiting for units: timed out waiting for ${left.join(", ")} to move`);
      call.err(
        `Hint: the machines still take no units; 'fleetctl uncordon ${call.args.join(" ")}' changes that`,
      );
      return 1;
    }
    await clock.sleep(lookEvery);
  }
}

/** Undefined while the API cannot say: an election is no reason to give up. */
async function lookAgain(
  fleet: FleetClient,
  machines: readonly ApiMachine[],
): Promise<OnMachines | undefined> {
  try {
    return await unitsOn(fleet, machines);
  } catch (error) {
    if (isAppError(error, "E_ETCD") || isAppError(error, "E_TIMEOUT")) return undefined;
    throw error;
  }
}

function settled(name: string, { all, states }: OnMachines): "moved" | "refused" | "on its way" {
  const unit = all.find((one) => one.name === name);
  if (unit === undefined || unit.desiredState === "inactive") return "moved";
  if (unit.refusal !== undefined) return "refused";
  if (unit.machineID === "" || unit.currentState !== unit.desiredState) return "on its way";
  if (unit.desiredState === "loaded") return "moved";
  const state = states.find((one) => one.name === name && one.machineID === unit.machineID);
  return state === undefined || state.active === "activating" ? "on its way" : "moved";
}

function report(
  call: Call,
  name: string,
  { all, states }: OnMachines,
  machines: ReadonlyMap<string, ApiMachine>,
): void {
  const unit = all.find((one) => one.name === name);
  if (unit === undefined || unit.desiredState === "inactive") return call.out(`Unit ${name} is off`);
  if (unit.refusal !== undefined) {
    call.err(`Unit ${name} can run on no other machine: ${unit.refusal.summary}`);
    return call.err(`Hint: 'fleetctl explain ${name}' says what would have to change`);
  }
  const state = states.find((one) => one.name === name && one.machineID === unit.machineID);
  const where = machineLegend(unit.machineID, machines);
  return call.out(
    `Unit ${name} ${unit.desiredState} on ${where}${state?.active === "failed" ? " (failed)" : ""}`,
  );
}
