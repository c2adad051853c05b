import type { ClusterPlan } from "../provider/provider.ts";
import type { ProviderName } from "../spec/model.ts";
import type { HostFacts } from "./facts.ts";

/** `error`: the cluster cannot work like this; `warning`: it may, but something will hurt. */
export type Severity = "error" | "warning";

/** One trouble of this host, with what we saw and what to do. */
export interface Finding {
  /** Stable, for scripts: `virtualbox-against-kvm`. */
  readonly id: string;
  readonly severity: Severity;
  /** What is wrong; lower case, no full stop. */
  readonly title: string;
  /** What was seen that says so. */
  readonly evidence: string;
  /** What to do: a sentence, or the command to type. */
  readonly fix: string;
}

/** What the host is to run. */
export interface Purpose {
  readonly provider: ProviderName;
  readonly cluster: ClusterPlan;
  /** The bridge that machines of this cluster have, or would have. */
  readonly bridge: string;
}

/** One kind of trouble, as data. */
export interface Trouble {
  readonly id: string;
  readonly severity: Severity;
  readonly title: string;
  /** Whom it concerns; missing: every provider. */
  readonly providers?: readonly ProviderName[];
  readonly fix: string;
  /** Pure: what says that the trouble is there, or undefined when nothing does. */
  see(facts: HostFacts, purpose: Purpose): Sight | undefined;
}

/** What was seen; it may know better than the trouble in general how bad that is and what helps. */
export interface Sight {
  readonly evidence: string;
  readonly severity?: Severity;
  readonly fix?: string;
}
