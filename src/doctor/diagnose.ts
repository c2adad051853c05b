import type { HostFacts } from "./facts.ts";
import type { Finding, Purpose, Trouble } from "./finding.ts";
import { firewallTroubles } from "./troubles/firewall.ts";
import { leftoverTroubles } from "./troubles/leftovers.ts";
import { networkTroubles } from "./troubles/network.ts";
import { proxyTroubles } from "./troubles/proxy.ts";
import { resourceTroubles } from "./troubles/resources.ts";
import { virtualizationTroubles } from "./troubles/virtualization.ts";
import { vagrantTroubles } from "./troubles/vagrant.ts";
import { virtualboxTroubles } from "./troubles/virtualbox.ts";

/** Every trouble that we know, in the order in which they are shown. */
export const troubles: readonly Trouble[] = [
  ...virtualizationTroubles,
  ...virtualboxTroubles,
  ...vagrantTroubles,
  ...resourceTroubles,
  ...networkTroubles,
  ...firewallTroubles,
  ...proxyTroubles,
  ...leftoverTroubles,
];

/** Pure: what stands in the way of that purpose on this host; errors first. */
export function diagnose(facts: HostFacts, purpose: Purpose): readonly Finding[] {
  const found = troubles
    .filter(({ providers }) => providers?.includes(purpose.provider) ?? true)
    .flatMap((trouble): Finding[] => {
      const sight = trouble.see(facts, purpose);
      if (sight === undefined) return [];
      const { id, title, severity, fix } = trouble;
      return [{ id, title, severity, fix, ...sight }];
    });
  return [...found.filter(isError), ...found.filter((finding) => !isError(finding))];
}

/** Whether the cluster cannot work while this is so. */
export function isError({ severity }: Finding): boolean {
  return severity === "error";
}
