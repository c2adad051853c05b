import type { Place, Placed } from "./place.ts";

/** A checked cloud-config: every value is of the right type and every name a known one. */
export interface CloudConfig {
  readonly hostname: Placed<string> | undefined;
  /** Public keys of the user core. */
  readonly keys: readonly Placed<string>[];
  readonly users: readonly User[];
  readonly files: readonly WriteFile[];
  readonly manageEtcHosts: Placed<string> | undefined;
  /** coreos.etcd, etcd2, fleet, flannel, locksmith, update and oem: what was set, in the order of the schema. */
  readonly sections: Readonly<Record<SectionName, readonly Setting[]>>;
  readonly units: readonly Unit[];
}

export type SectionName = "etcd" | "etcd2" | "fleet" | "flannel" | "locksmith" | "update" | "oem";

/** One key of a section. Zero values (`0`, `false`, `""`) never come here: they mean "not set". */
export interface Setting {
  readonly key: string;
  readonly value: string;
  readonly place: Place;
}

export interface User {
  readonly place: Place;
  readonly name: string;
  /** A hash as in /etc/shadow. */
  readonly passwd: string | undefined;
  readonly keys: readonly Placed<string>[];
  readonly gecos: string | undefined;
  readonly homedir: string | undefined;
  readonly noCreateHome: boolean;
  readonly primaryGroup: string | undefined;
  readonly groups: readonly string[];
  readonly noUserGroup: boolean;
  readonly system: boolean;
  readonly noLogInit: boolean;
  readonly shell: string | undefined;
}

export interface WriteFile {
  readonly place: Place;
  readonly path: string;
  /** Decoded. */
  readonly content: Uint8Array;
  readonly owner: Owner | undefined;
  readonly mode: number;
}

/** Names or numbers, as for chown. */
export interface Owner {
  readonly user: string | undefined;
  readonly group: string | undefined;
  /** The group is the one that the user logs in with. */
  readonly loginGroup: boolean;
}

export const unitCommands = [
  "start",
  "stop",
  "restart",
  "reload",
  "try-restart",
  "reload-or-restart",
  "reload-or-try-restart",
] as const;

export type UnitCommand = (typeof unitCommands)[number];

export interface Unit {
  readonly place: Place;
  readonly name: string;
  readonly mask: boolean;
  readonly enable: boolean;
  readonly runtime: boolean;
  readonly content: string | undefined;
  readonly command: Placed<UnitCommand> | undefined;
  readonly dropIns: readonly DropIn[];
}

export interface DropIn {
  readonly place: Place;
  readonly name: string;
  readonly content: string;
}
