/** What must work before a machine is of use, from the bottom up. */
export const layerNames = ["cloud-config", "etcd", "docker", "fleet"] as const;

export type LayerName = (typeof layerNames)[number];

/** Whether a layer works, and if not what it says. */
export interface LayerState {
  readonly ok: boolean;
  readonly detail?: string;
  /** fleet: how many machines it sees. */
  readonly machines?: number;
  /** cloud-config: SHA-256 of the user-data that was applied, hex. */
  readonly hash?: string;
}

export type Layers = Readonly<Record<LayerName, LayerState>>;

/** Looks at one layer; never throws. */
export type Probe = (signal: AbortSignal) => Promise<LayerState>;

export type Probes = Readonly<Record<LayerName, Probe>>;
