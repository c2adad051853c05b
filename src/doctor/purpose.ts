import { hostNames } from "../provider/nspawn/names.ts";
import type { ClusterPlan, Lack } from "../provider/provider.ts";
import { vmNames } from "../provider/vagrant/names.ts";
import type { ProviderName } from "../spec/model.ts";
import type { Finding, Purpose } from "./finding.ts";

/** What the host is asked to run. */
export function purposeOf(provider: ProviderName, cluster: ClusterPlan): Purpose {
  const bridge = provider === "libvirt" ? vmNames(cluster).bridge : hostNames(cluster).bridge;
  return { provider, cluster, bridge };
}

/** What a provider's own check says, as findings; those that a diagnosis has made already are left out. */
export function lackFindings(lacks: readonly Lack[], known: readonly Finding[]): readonly Finding[] {
  const ids = new Set(known.map(({ id }) => id));
  return lacks
    .filter(({ id }) => id === undefined || !ids.has(id))
    .map(({ id, code, what, hint }) => ({
      id: id ?? idOf[code],
      severity: "error",
      title: titleOf[code],
      evidence: what,
      fix: hint,
    }));
}

const idOf: Readonly<Record<Lack["code"], string>> = {
  E_HOST_LACKS: "host-lacks",
  E_IN_USE: "in-use",
  E_DISK_FULL: "disk",
};

const titleOf: Readonly<Record<Lack["code"], string>> = {
  E_HOST_LACKS: "something that the provider needs is missing",
  E_IN_USE: "something that the provider needs is taken",
  E_DISK_FULL: "the disk is nearly full",
};
