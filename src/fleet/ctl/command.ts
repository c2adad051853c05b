import type { Readable, Writable } from "node:stream";
import type { Clock } from "../../foundation/clock.ts";
import type { FleetClient } from "../api/client.ts";
import type { Globals } from "./globals.ts";

/** An option as data: parsing and help are made from it. */
export interface OptionSpec {
  readonly name: string;
  readonly kind: "boolean" | "string" | "number";
  /** One letter, for `-f`. */
  readonly short?: string;
  readonly help: string;
  /** Shown in the help; what an option is when it is not given is the command's business. */
  readonly standard?: string;
}

export type OptionValue = string | number | boolean;
export type OptionValues = ReadonlyMap<string, OptionValue>;

/** A command as data. Its code is loaded when it runs, so that no command pays for another. */
export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  /** What follows the name, e.g. `[--no-block] UNIT...`. */
  readonly usage: string;
  readonly description: string;
  readonly options: readonly OptionSpec[];
  /** Ours, not one of fleet 1.0's: it never takes a beginning away from those. */
  readonly added?: boolean;
  /** Options end at the first argument: what follows belongs to another program. */
  readonly passesThrough?: boolean;
  readonly load: () => Promise<Run>;
}

/** Does the command's work and gives its exit code. */
export type Run = (call: Call) => Promise<number>;

/** What a command gets. */
export interface Call {
  /** The command's name in full. */
  readonly command: string;
  readonly args: readonly string[];
  readonly options: OptionValues;
  readonly globals: Globals;
  readonly world: World;
  /** Connects on the first call. */
  readonly fleet: () => Promise<FleetClient>;
  /** How to reach other machines' shells; connects when used. */
  readonly remote: () => Promise<RemoteShell>;
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
}

/** Everything outside of fleetctl, so that tests can stand in for it. */
export interface World {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly version: string;
  /** A file's text; undefined when there is no such file. */
  readonly readFile: (path: string) => Promise<string | undefined>;
  /** This machine's id; undefined where there is none. */
  readonly machineId: () => Promise<string | undefined>;
  /** Runs a program on this machine with our streams, or with `output` for its standard output; its exit code. */
  readonly runHere: (argv: readonly [string, ...string[]], output?: Writable) => Promise<number>;
  /** Connects to fleet's API and to machines. */
  readonly connect: (globals: Globals) => Connections;
}

export interface Connections {
  readonly fleet: () => Promise<FleetClient>;
  readonly remote: () => Promise<RemoteShell>;
  readonly close: () => Promise<void>;
}

/** Shells on machines, by ssh. */
export interface RemoteShell {
  /**
   * Runs a command line there with our streams, or a login shell without one; its exit code.
   * @param output takes what the command prints in place of our standard output; its standard input is then empty
   */
  run(target: RemoteTarget, command: string | undefined, output?: Writable): Promise<number>;
}

export interface RemoteTarget {
  readonly host: string;
  readonly port: number;
  readonly forwardAgent?: boolean;
}

/** Whether a switch is on. */
export function isOn(options: OptionValues, name: string): boolean {
  return options.get(name) === true;
}

/** An option's text, or `standard` when it is not given. */
export function textOf(options: OptionValues, name: string, standard: string): string {
  const value = options.get(name);
  return value === undefined ? standard : String(value);
}

/** An option's number, or `standard` when it is not given. */
export function numberOf(options: OptionValues, name: string, standard: number): number {
  const value = options.get(name);
  return typeof value === "number" ? value : standard;
}
