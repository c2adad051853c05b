import { messageOf } from "../../foundation/errors.ts";
import { readIfExists } from "../../foundation/files.ts";
import { showProblem } from "../cloud-config/place.ts";
import { type Address, get } from "./http.ts";
import type { LayerState, Probe, Probes } from "./layer.ts";

/** Where the layers are found on a machine. */
export interface Places {
  /** What flotilla-cloudinit leaves behind. */
  readonly result: string;
  readonly etcd: Address;
  readonly docker: Address;
  readonly fleet: Address;
}

export const nodePlaces: Places = {
  result: "/run/flotilla/cloudinit.json",
  etcd: { host: "127.0.0.1", port: 2379 },
  docker: { socketPath: "/var/run/docker.sock" },
  fleet: { socketPath: "/run/fleet.sock" },
};

/** The probes of a machine; fleet is ready once it sees `machines` machines. */
export function nodeProbes(places: Places, machines: number): Probes {
  return {
    "cloud-config": orDetail(async () => parseResult(await readIfExists(places.result))),
    etcd: orDetail(async (signal) => {
      const { status, body } = await get(places.etcd, "/health", signal);
      const healthy = status === 200 && String(parse(body)?.["health"]) === "true";
      return healthy ? { ok: true } : { ok: false, detail: `etcd says: ${firstLine(body)}` };
    }),
    docker: orDetail(async (signal) => {
      const { status, body } = await get(places.docker, "/_ping", signal);
      return status === 200 ? { ok: true } : { ok: false, detail: `docker says: ${firstLine(body)}` };
    }),
    fleet: orDetail(async (signal) => {
      const { status, body } = await get(places.fleet, "/fleet/v1/machines", signal);
      const seen = parse(body);
      if (status !== 200 || seen === undefined)
        return { ok: false, detail: `fleet says: ${firstLine(body)}` };
      const count = Array.isArray(seen["machines"]) ? seen["machines"].length : 0;
      if (count >= machines) return { ok: true, machines: count };
      return { ok: false, machines: count, detail: `fleet sees ${count} of ${machines} machines` };
    }),
  };
}

interface Result {
  readonly ok: boolean;
  readonly hash?: string;
  readonly error?: { readonly key: string; readonly line: number; readonly message: string };
}

function parseResult(text: string | undefined): LayerState {
  if (text === undefined) return { ok: false, detail: "not applied yet" };
  const result = parse(text) as Result | undefined;
  if (result === undefined) return { ok: false, detail: "the result of flotilla-cloudinit cannot be read" };
  const hash = result.hash === undefined ? {} : { hash: result.hash };
  if (result.ok) return { ok: true, ...hash };
  return { ok: false, ...hash, detail: result.error === undefined ? "failed" : showProblem(result.error) };
}

function orDetail(probe: Probe): Probe {
  return async (signal) => {
    try {
      return await probe(signal);
    } catch (error) {
      return { ok: false, detail: signal.aborted ? "does not answer" : messageOf(error) };
    }
  };
}

/** An object in JSON, or undefined for anything else. */
function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function firstLine(text: string): string {
  return text.trim().split("\n", 1)[0]?.slice(0, 200) || "nothing";
}
