import { networkOf, overlaps, parseCidr, subnetOf, type Subnet } from "../../spec/subnet.ts";
import type { AddressFacts, HostFacts, NetworkFacts } from "../facts.ts";
import type { Purpose, Trouble } from "../finding.ts";

/** Networks to offer instead; those first that VirtualBox allows without being told. */
const offers = [56, 57, 58, 59, 60, 61, 62, 63, 77, 99, 121].map((third) => `192.168.${third}.0/24`);

/** VPNs that take all traffic split the Internet in halves; routes as wide as this are in nobody's way. */
const widest = 8;

/** Who else uses the addresses that the cluster wants. */
export const networkTroubles: readonly Trouble[] = [
  {
    id: "subnet-in-use",
    severity: "error",
    title: "the cluster's network is already in use on this host",
    fix: "give network.subnet in cluster.yaml another value",
    see: (facts, purpose) => {
      const { subnet } = purpose.cluster.spec.network;
      const users = usersOf(facts, purpose, subnetOf(subnet));
      if (users.length === 0) return undefined;
      return { evidence: `${subnet} meets ${users.join(", ")}`, ...offer(facts, purpose) };
    },
  },
  {
    id: "subnet-hides-network",
    severity: "warning",
    title: "the cluster's network hides a part of another network, often that of a VPN",
    fix: "give network.subnet in cluster.yaml another value",
    see: (facts, purpose) => {
      const { subnet } = purpose.cluster.spec.network;
      const ours = subnetOf(subnet);
      if (usersOf(facts, purpose, ours).length > 0) return undefined;
      const around = foreign(facts, purpose, facts.routes).filter(({ network }) => network.bits < ours.bits);
      const names = around.filter(({ network }) => overlaps(network, ours)).map(showRoute);
      if (names.length === 0) return undefined;
      return { evidence: `${subnet} lies in ${names.join(", ")}`, ...offer(facts, purpose) };
    },
  },
];

interface Taken extends NetworkFacts {
  readonly network: Subnet;
}

/** Addresses that meet ours, and routes to a place inside ours. */
function usersOf(facts: HostFacts, purpose: Purpose, ours: Subnet): readonly string[] {
  const addresses = foreign(facts, purpose, facts.addresses).filter(({ network }) => overlaps(network, ours));
  const known = new Set(addresses.map(({ name }) => name));
  const routes = foreign(facts, purpose, facts.routes).filter(
    ({ name, network }) => !known.has(name) && network.bits >= ours.bits && overlaps(network, ours),
  );
  return [...addresses.map(({ name, cidr }) => `${cidr} of ${name}`), ...routes.map(showRoute)];
}

function showRoute({ name, cidr }: NetworkFacts): string {
  return `the route to ${cidr} over ${name}`;
}

/** Without what is there for this cluster. */
function foreign(facts: HostFacts, purpose: Purpose, all: readonly NetworkFacts[]): readonly Taken[] {
  const own = new Set(facts.addresses.filter((address) => isOwn(address, purpose)).map(({ name }) => name));
  return all
    .filter(({ name }) => !own.has(name))
    .flatMap(({ name, cidr }) => {
      const parsed = parseCidr(cidr);
      if (parsed === undefined || parsed.bits < widest) return [];
      return [{ name, cidr, network: { base: networkOf(parsed.address, parsed.bits), bits: parsed.bits } }];
    });
}

/** Our bridge; or the hypervisor's own network of just this range, which Vagrant uses again. */
function isOwn({ name, cidr, mac }: AddressFacts, { provider, bridge, cluster }: Purpose): boolean {
  if (name === bridge) return true;
  const hypervisors =
    (provider === "virtualbox" && (name.startsWith("vboxnet") || mac.startsWith("0a:00:27"))) ||
    (provider === "libvirt" && name.startsWith("virbr"));
  const parsed = parseCidr(cidr);
  const ours = subnetOf(cluster.spec.network.subnet);
  return (
    hypervisors &&
    parsed !== undefined &&
    parsed.bits === ours.bits &&
    networkOf(parsed.address, parsed.bits) === ours.base
  );
}

function offer(facts: HostFacts, purpose: Purpose): { readonly fix?: string } {
  const all = [...facts.addresses, ...facts.routes].map(({ cidr }) => parseCidr(cidr));
  const free = offers.find((text) => {
    const wanted = subnetOf(text);
    return all.every(
      (taken) =>
        taken === undefined ||
        taken.bits < widest ||
        !overlaps({ base: networkOf(taken.address, taken.bits), bits: taken.bits }, wanted),
    );
  });
  if (free === undefined || free === purpose.cluster.spec.network.subnet) return {};
  return { fix: `set network.subnet in cluster.yaml to ${free}, which is free here` };
}
