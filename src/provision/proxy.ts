import { gatewayOf } from "../spec/machines.ts";
import type { ClusterSpec, MachineSpec } from "../spec/model.ts";

export interface Variable {
  readonly name: string;
  readonly value: string;
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
