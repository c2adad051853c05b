import { gatewayOf } from "../spec/machines.ts";
import type { ClusterSpec, MachineSpec, ProviderName, ProxySpec } from "../spec/model.ts";

export interface Variable {
  readonly name: string;
  readonly value: string;
}

/**
 * The spec as the nodes have to see it: a proxy on this host's loopback is at another address for them. On VirtualBox that
 * is the host as its NAT shows it; elsewhere it is the gateway of the cluster's network, where the provider listens for
 * them (nspawn) or the proxy itself must.
 */
export function withGuestProxy(spec: ClusterSpec, provider: ProviderName): ClusterSpec {
  if (spec.proxy === undefined) return spec;
  const host = provider === "virtualbox" ? "10.0.2.2" : gatewayOf(spec);
  const { http, https } = spec.proxy;
  return {
    ...spec,
    proxy: { ...spec.proxy, http: seenByGuests(http, host), https: seenByGuests(https, host) },
  };
}

function seenByGuests(text: string | undefined, host: string): string | undefined {
  if (text === undefined || !isLoopback(new URL(text).hostname)) return text;
  // Only the host: a URL that was parsed and printed again would lose a port that is the scheme's usual one.
  return text.replace(/^([a-z]+:\/\/(?:[^@/]*@)?)(\[[^\]]*\]|[^:/]*)/i, (_, before: string) => before + host);
}

/** Where on this host's loopback the cluster's proxy listens, if it does: its nodes need a way there. */
export function loopbackProxies(proxy: ProxySpec | undefined): readonly LoopbackProxy[] {
  const found = [proxy?.http, proxy?.https].flatMap((text): LoopbackProxy[] => {
    const url = text === undefined ? undefined : new URL(text);
    if (url === undefined || !isLoopback(url.hostname)) return [];
    const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
    return [{ host: url.hostname.replace(/^\[|\]$/g, ""), port }];
  });
  return found.filter(({ port }, index) => found.findIndex((other) => other.port === port) === index);
}

export interface LoopbackProxy {
  readonly host: string;
  readonly port: number;
}

function isLoopback(hostname: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/i.test(hostname);
}

/**
 * The variables that make programs on a node use the cluster's proxy, in both cases, as some read one and some the
 * other; none when there is no proxy. The nodes reach each other and the mirror directly, by name and by address: many
 * programs do not understand subnets in NO_PROXY.
 */
export function proxyVariables(spec: ClusterSpec, machines: readonly MachineSpec[]): Variable[] {
  if (spec.proxy === undefined) return [];
  const direct = [
    "localhost",
    "127.0.0.1",
    "::1",
    ...machines.flatMap(({ name, address }) => [name, address]),
    gatewayOf(spec),
    ...spec.proxy.no,
  ];
  const values = {
    HTTP_PROXY: spec.proxy.http,
    HTTPS_PROXY: spec.proxy.https,
    NO_PROXY: [...new Set(direct)].join(","),
  };
  const upper = Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [{ name, value }],
  );
  return [...upper, ...upper.map(({ name, value }) => ({ name: name.toLowerCase(), value }))];
}
