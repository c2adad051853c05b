import { readFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { join } from "node:path";

/** @param isWell asked at each request */
export function dockerOf(isWell: () => boolean): RequestListener {
  return (_request, response) => {
    response.statusCode = isWell() ? 200 : 500;
    response.end("OK");
  };
}

/**
 * etcd's health and its list of members. A member's id is its address.
 * @param etcd the addresses
 */
export function etcdOf(etcd: Set<string>): RequestListener {
  return (request, response) => {
    const url = request.url ?? "";
    if (url === "/health") return void response.end('{"health":"true"}');
    const change = async (): Promise<void> => {
      if (request.method === "POST") {
        const body = JSON.parse(await text(request)) as { peerURLs: string[] };
        etcd.add(new URL(body.peerURLs[0] ?? "").hostname);
      }
      if (request.method === "DELETE") etcd.delete(url.split("/").at(-1) ?? "");
      const members = [...etcd].map((id) => ({ id, name: id, peerURLs: [`http://${id}:2380`] }));
      response.end(JSON.stringify({ members }));
    };
    return void change();
  };
}

/** What fleet has been told, and where the cluster's state lies. */
export interface FleetContents {
  /** What fleet has been given, by unit. */
  readonly units: Map<string, { desired: string; options: unknown }>;
  /** Ids of machines that fleet drains. */
  readonly cordons: Set<string>;
  readonly ref: { readonly stateDir: string };
}

/** Fleet's API: a wanted unit runs on the first machine that runs. Machine ids are read from the state file. */
export function fleetOf({ units, ref, cordons }: FleetContents, running: readonly string[]): RequestListener {
  return (request, response) => {
    const answer = async (): Promise<object | undefined> => {
      const state = JSON.parse(await readFile(join(ref.stateDir, "state.json"), "utf8")) as {
        machines: Record<string, { machineId: string }>;
      };
      const ids = running.map((name) => state.machines[name]?.machineId ?? "");
      const path = request.url?.split("?")[0] ?? "";
      const home = ids.find((id) => !cordons.has(id)) ?? "";
      const shown = [...units].map(([name, { desired, options }]) => ({
        name,
        options,
        desiredState: desired,
        currentState: desired,
        machineID: desired === "launched" ? home : "",
      }));
      const cordon = /\/cordons\/(.+)$/.exec(path)?.[1];
      if (cordon !== undefined) {
        if (request.method === "DELETE") cordons.delete(cordon);
        else cordons.add(cordon);
        return {};
      }
      if (request.method === "PUT") {
        const body = JSON.parse(await text(request)) as { desiredState: string; options?: unknown };
        const name = path.split("/").at(-1) ?? "";
        units.set(name, { options: units.get(name)?.options, ...body, desired: body.desiredState });
        return {};
      }
      if (path.endsWith("/machines")) return { machines: ids.map((id) => ({ id, primaryIP: "" })) };
      if (path.endsWith("/units")) return { units: shown };
      if (path.endsWith("/state"))
        return { states: shown.filter(({ machineID }) => machineID !== "").map(active) };
      return shown.find(({ name }) => path.endsWith(`/units/${name}`));
    };
    void answer().then((body) => {
      response.statusCode = body === undefined ? 404 : 200;
      response.end(JSON.stringify(body ?? { error: { code: 404, message: "unit does not exist" } }));
    });
  };
}

function active({ name, machineID }: { readonly name: string; readonly machineID: string }): object {
  return {
    name,
    machineID,
    hash: "",
    systemdLoadState: "loaded",
    systemdActiveState: "active",
    systemdSubState: "running",
  };
}

async function text(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
