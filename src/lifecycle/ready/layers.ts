/** What must answer, one after the other, until a node is ready; a time-out names the first that is silent. */
export const layerNames = ["booted", "network", "sshd", "cloud-config", "etcd", "docker", "fleet"] as const;

export type LayerName = (typeof layerNames)[number];

/** How long each layer may take after the one before it answered, ms. */
export const layerDeadlines: Readonly<Record<LayerName, number>> = {
  booted: 60_000,
  network: 60_000,
  sshd: 60_000,
  "cloud-config": 60_000,
  etcd: 60_000,
  docker: 60_000,
  fleet: 60_000,
};

/** What a layer is waiting for, for people. */
export const layerMeanings: Readonly<Record<LayerName, string>> = {
  booted: "the machine runs",
  network: "its address answers",
  sshd: "sshd lets us in",
  "cloud-config": "the cloud-config is applied",
  etcd: "etcd is healthy",
  docker: "docker answers",
  fleet: "fleet lists every machine",
};

/** One layer as `flotilla-ready` sees it from inside the node. */
export interface LayerReport {
  readonly ok: boolean;
  /** It will never be good without help, so that waiting is in vain. */
  readonly failed?: boolean;
  /** Why not, in a few words. */
  readonly why?: string;
  /** Only of fleet: how many machines it lists. */
  readonly machines?: number;
}

/** The layers that only the node itself can judge. */
export type ReadyReport = Readonly<Partial<Record<LayerName, LayerReport>>>;

/** Reads one line of `flotilla-ready`; undefined when it is none. */
export function parseReadyLine(line: string): ReadyReport | undefined {
  let data: unknown;
  try {
    data = JSON.parse(line);
  } catch {
    return undefined;
  }
  const layers = (data as { layers?: unknown } | null)?.layers;
  if (typeof layers !== "object" || layers === null) return undefined;
  const known = Object.entries(layers).filter(([name]) => (layerNames as readonly string[]).includes(name));
  return Object.fromEntries(known.map(([name, value]) => [name, toReport(value)]));
}

function toReport(value: unknown): LayerReport {
  const { ok, detail, machines, hash } = (value ?? {}) as Record<string, unknown>;
  // Only a cloud-config that has been tried has a hash: when it is not good then, it never will be.
  const failed = ok !== true && typeof hash === "string";
  return {
    ok: ok === true,
    ...(failed ? { failed: true } : {}),
    ...(typeof detail === "string" ? { why: detail } : {}),
    ...(typeof machines === "number" ? { machines } : {}),
  };
}
