import type { FirewallFacts } from "../facts.ts";
import type { Purpose, Trouble } from "../finding.ts";

/** Firewalls of the host that stop what the machines say to each other, to the host or to the world. */
export const firewallTroubles: readonly Trouble[] = [
  {
    id: "forward-drop",
    severity: "warning",
    title: "the host's firewall drops what the machines send beyond their bridge",
    providers: ["nspawn", "libvirt"],
    fix: "sudo iptables -P FORWARD ACCEPT (Docker sets DROP when it starts)",
    see: ({ firewall }, purpose) => {
      if (firewall.forward !== "DROP" || firewall.ufw || letsThrough(firewall, purpose)) return undefined;
      if (!firewall.bridged && !purpose.cluster.spec.network.internet) return undefined;
      const severity = firewall.bridged ? ("error" as const) : ("warning" as const);
      const among = firewall.bridged
        ? "; bridge-nf-call-iptables=1, so they cannot reach each other either"
        : "";
      return {
        severity,
        evidence: `the chain FORWARD ends with DROP${among}`,
        ...acceptRules(firewall, purpose),
      };
    },
  },
  {
    id: "ufw",
    severity: "warning",
    title: "ufw stops the machines from reaching this host and the world",
    providers: ["nspawn"],
    fix: "sudo ufw disable",
    see: ({ firewall }, { bridge, cluster }) => {
      if (!firewall.ufw || firewall.ufwRules === undefined) return undefined;
      const named = [bridge, cluster.spec.network.subnet].some((word) => firewall.ufwRules?.includes(word));
      if (named) return undefined;
      const allow = ["allow in", "route allow in", "route allow out"].map(
        (what) => `sudo ufw ${what} on ${bridge}`,
      );
      return { evidence: `ufw is active and no rule of it names ${bridge}`, fix: allow.join(" && ") };
    },
  },
  {
    id: "firewalld",
    severity: "warning",
    title: "firewalld stops the machines from reaching this host and the world",
    providers: ["nspawn"],
    fix: "sudo systemctl stop firewalld",
    see: ({ firewall }, { bridge }) => {
      if (!firewall.firewalld || firewall.trusted.includes(bridge)) return undefined;
      return {
        evidence: `firewalld runs and ${bridge} is not in its zone trusted`,
        fix: `sudo firewall-cmd --permanent --zone=trusted --add-interface=${bridge} && sudo firewall-cmd --reload`,
      };
    },
  },
];

/** nspawn's bridge lets itself through Docker's own chain; libvirt has chains of its own unless it uses nftables. */
function letsThrough({ rules }: FirewallFacts, { provider, bridge }: Purpose): boolean {
  if (provider === "nspawn") {
    return rules.some((rule) => rule.includes("DOCKER-USER") || rule.includes(bridge));
  }
  return rules.some((rule) => rule.includes("LIBVIRT_") || rule.includes("virbr"));
}

function acceptRules({ rules }: FirewallFacts, { provider, bridge }: Purpose): { readonly fix?: string } {
  const chain = rules.some((rule) => rule.includes("DOCKER-USER")) ? "DOCKER-USER" : "FORWARD";
  const name = provider === "nspawn" ? bridge : "virbr+";
  return {
    fix: `sudo iptables -I ${chain} -i ${name} -j ACCEPT && sudo iptables -I ${chain} -o ${name} -j ACCEPT`,
  };
}
