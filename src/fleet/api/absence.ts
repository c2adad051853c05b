/** Why this machine is not registered. */
export interface Absence {
  /** `etcd`: it does not answer. `refused`: it does, and the registry is not for this machine as it is. */
  readonly kind: "etcd" | "refused";
  /** A sentence without a full stop. */
  readonly why: string;
}

const noEtcd = "fleet server unable to communicate with etcd";

/** What fleetctl shows instead of an answer. That etcd is away is said in fleet's own words, which scripts look for. */
export function refusalFor(absence: Absence | undefined): string {
  return absence?.kind === "refused" ? `this machine is not in the cluster: ${absence.why}` : noEtcd;
}

/** What /healthz says. */
export function illnessOf(absence: Absence | undefined): string {
  return `this machine has not joined the cluster${absence === undefined ? "" : `: ${absence.why}`}\n`;
}
