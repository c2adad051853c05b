import { AppError } from "../../../foundation/errors.ts";

/**
 * The keys below the prefix. Version 1:
 *
 *     version                      1
 *     id                           of this registry: another one was made anew
 *     machines/<machine id>        a machine, under its lease
 *     metadata/<machine id>/<key>  what operators set, over the metadata that the machine came with
 *     units/<unit>                 a unit, and what it shall be
 *     schedule/<unit>              the machine that it belongs on
 *     states/<machine id>/<unit>   what systemd says, under the machine's lease
 *     refusals/<unit>              why it has no machine
 *     cordons/<machine id>         a machine that shall have no units
 *     engine/leader                who leads, with which version of the engine, under its lease; written anew
 *                                  by each of its commits, with the reasons why that one released units
 *     writes/<machine id>          that machine's last batch of writes, under its lease (see session.ts)
 *     writes/units                 the last removal of a unit or a cordon (see units.ts)
 */
export const layoutVersion = 1;

export interface Layout {
  readonly prefix: string;
  readonly version: string;
  readonly id: string;
  readonly leader: string;
  readonly unitWrites: string;
  machine(id: string): string;
  metadata(machineID: string, key: string): string;
  unit(name: string): string;
  placement(unit: string): string;
  refusal(unit: string): string;
  cordon(machineID: string): string;
  state(machineID: string, unit: string): string;
  writes(machineID: string): string;
}

export function layoutAt(prefix: string): Layout {
  return {
    prefix,
    version: `${prefix}version`,
    id: `${prefix}id`,
    leader: `${prefix}engine/leader`,
    unitWrites: `${prefix}writes/units`,
    machine: (id) => `${prefix}machines/${id}`,
    metadata: (machineID, key) => `${prefix}metadata/${machineID}/${key}`,
    unit: (name) => `${prefix}units/${name}`,
    placement: (unit) => `${prefix}schedule/${unit}`,
    refusal: (unit) => `${prefix}refusals/${unit}`,
    cordon: (machineID) => `${prefix}cordons/${machineID}`,
    state: (machineID, unit) => `${prefix}states/${machineID}/${unit}`,
    writes: (machineID) => `${prefix}writes/${machineID}`,
  };
}

/** What to do about a registry that was written by a newer fleet: nothing, loudly. */
export function newerLayout(version: string): AppError {
  return new AppError(
    "E_NOT_SUPPORTED",
    `the registry in etcd has layout version ${version}, and this fleet knows version ${layoutVersion}`,
    { hint: "upgrade fleet on this machine; until then it leaves the registry alone" },
  );
}

/** Whether the text of the version key is one that we may work with. */
export function isOurVersion(text: string): boolean {
  return text === String(layoutVersion);
}
