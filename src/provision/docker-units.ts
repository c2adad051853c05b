import type { CloudUnit, DropIn } from "./cloud-unit.ts";
import { dropIn } from "./cloud-unit.ts";
import type { NodeInput } from "./node-input.ts";
import { proxyVariables } from "./proxy.ts";
import { renderTemplate } from "./templates.ts";

/** Docker's own port on every machine that exposes it. */
export const dockerTcpPort = 2375;

/**
 * Docker, with the proxy before it can pull anything. A drop-in that somebody wrote by hand wins when its name sorts after
 * ours; `cluster status` says so.
 */
export function dockerUnits(input: NodeInput, listen: "everywhere" | "cluster"): CloudUnit[] {
  const { spec, machine, machines } = input;
  const variables = proxyVariables(spec, machines);
  const dropIns: DropIn[] = variables.length === 0 ? [] : [dropIn("20-http-proxy.conf", variables)];
  if (!spec.docker.exposeTcp) return [dockerUnit(dropIns)];
  // Forwarded ports arrive at the machine's other interface, where there are any.
  const address = listen === "everywhere" ? String(dockerTcpPort) : `${machine.address}:${dockerTcpPort}`;
  const socket = renderTemplate("user-data/docker-tcp.socket.hbs", { address });
  const wanted = { name: "10-tcp-socket.conf", content: renderTemplate("user-data/docker-tcp.conf.hbs", {}) };
  return [{ name: "docker-tcp.socket", runtime: true, content: socket }, dockerUnit([wanted, ...dropIns])];
}

function dockerUnit(dropIns: readonly DropIn[]): CloudUnit {
  if (dropIns.length === 0) return { name: "docker.service", command: "start" };
  return { name: "docker.service", runtime: true, command: "start", drop_ins: dropIns };
}
