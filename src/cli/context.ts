import type { Readable, Writable } from "node:stream";
import type { Emit } from "../lifecycle/events.ts";
import type { World } from "../lifecycle/cluster.ts";
import type { Ask } from "../lifecycle/events.ts";
import type { ClusterSpec } from "../spec/model.ts";

/** What the outermost file gives us of the process. */
export interface Io {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly platform: NodeJS.Platform;
  /** The home folder of the one who calls. */
  readonly home: string;
  /** Aborts with E_INTERRUPTED at the first Ctrl-C. */
  readonly signal: AbortSignal;
  /** Aborts at the second, if somebody has asked for it; else the second ends us at once. */
  readonly hurry: () => AbortSignal;
  /** Whether a person sits at stderr and stdin. */
  readonly isTTY: boolean;
}

/** Things that only src/bin can put together. Each reads its code when it is called. */
export interface Wiring {
  world(parts: {
    readonly emit: Emit;
    readonly signal: AbortSignal;
    readonly hurry: () => AbortSignal;
    readonly command: string;
  }): Promise<World>;
  /** What our own machines run: images for nspawn, boxes for Vagrant. */
  images(): Promise<Images>;
  /** Owns a cluster's nodes until it is told to end (the hidden command `supervise`). */
  supervise(dir: string, signal: AbortSignal): Promise<number>;
  /** Serves a cluster's virtual machines until it is no longer wanted (the hidden command `attend`). */
  attend(dir: string, signal: AbortSignal): Promise<number>;
  /** Each node's ssh port on this host's loopback, if the provider forwards them. */
  sshPorts(stateDir: string): Promise<ReadonlyMap<string, number>>;
}

/** Providers whose machines run our own system. */
export type ImageProvider = "nspawn" | "libvirt" | "virtualbox";

export interface Images {
  /** Gives the path; builds when it is not there. */
  build(provider: ImageProvider, say: (message: string) => void, signal: AbortSignal): Promise<string>;
  list(): Promise<readonly ImageInfo[]>;
  /** Gives the ids of those that were removed. */
  prune(): Promise<readonly string[]>;
}

export interface ImageInfo {
  readonly id: string;
  readonly path: string;
  /** Whether a new machine would get it. */
  readonly current: boolean;
  /** Whether a machine of any cluster stands on it. */
  readonly inUse: boolean;
  /** Wall-clock ms. */
  readonly built: number;
}

/** All that a command gets. */
export interface Context {
  readonly io: Io;
  readonly wiring: Wiring;
  readonly json: boolean;
  readonly emit: Emit;
  readonly ask: Ask;
  /** Everything that the verbs of src/lifecycle need. */
  world(): Promise<World>;
  /** The folder of the cluster that is meant; absolute. @throws E_CONFIG_MISSING */
  clusterDir(): Promise<string>;
  /** Its cluster.yaml; warnings are emitted. @throws E_CONFIG_INVALID with every problem */
  spec(dir: string): Promise<ClusterSpec>;
  /** Prints a result: `json` with --json, else `text`. */
  result(text: string, json: unknown): void;
}
