import type { Cordon, DesiredState, UnitOption } from "../model.ts";
import type { Explanation } from "../schedule/explain.ts";
import {
  found,
  items,
  type Json,
  readCordon,
  readJson,
  readMachine,
  readState,
  readUnit,
  refused,
  text,
} from "./answers.ts";

/** A machine as the API shows it. */
export interface ApiMachine {
  readonly id: string;
  /** Empty when the machine has named none. */
  readonly primaryIP: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Why a wanted unit has no machine. */
export interface ApiRefusal {
  readonly summary: string;
  readonly reasons: readonly { readonly machineID: string; readonly why: string }[];
}

/** A unit as the API shows it. */
export interface ApiUnit {
  readonly name: string;
  readonly options: readonly UnitOption[];
  readonly desiredState: DesiredState;
  /** Empty for a global unit, which has no single state. */
  readonly currentState: DesiredState | "";
  /** Where it is scheduled; empty when nowhere, or everywhere. */
  readonly machineID: string;
  /** Ours, beyond fleet's API; other servers never send it. */
  readonly refusal: ApiRefusal | undefined;
}

/** What systemd says of one unit on one machine. */
export interface ApiUnitState {
  readonly name: string;
  readonly machineID: string;
  readonly hash: string;
  readonly load: string;
  readonly active: string;
  readonly sub: string;
}

/**
 * Fleet's API v1. Every call throws E_NODE_UNREACHABLE (no answer), E_TIMEOUT (a slow one), E_ETCD (the server has lost
 * etcd) or E_FLEET_API (refused; the message is the server's, in the form that fleetctl's users know).
 */
export interface FleetClient {
  machines(): Promise<readonly ApiMachine[]>;
  units(): Promise<readonly ApiUnit[]>;
  /** Undefined when there is no such unit. */
  unit(name: string): Promise<ApiUnit | undefined>;
  /** Creates the unit or replaces its options. */
  putUnit(name: string, options: readonly UnitOption[], desired: DesiredState): Promise<void>;
  setDesired(name: string, desired: DesiredState): Promise<void>;
  /** False when there was no such unit. */
  deleteUnit(name: string): Promise<boolean>;
  states(filter?: {
    readonly unitName?: string;
    readonly machineID?: string;
  }): Promise<readonly ApiUnitState[]>;
  /**
   * Yields whenever something happened to these units (to any, when none are named), and once when it begins to listen.
   * Ends or throws when the server has no event stream, or has ended it.
   */
  events(units: readonly string[], signal: AbortSignal): AsyncIterable<void>;
  /** Ours, beyond fleet's API, as are the next three: the machines that are drained. */
  cordons(): Promise<readonly Cordon[]>;
  /** False when there is no such machine. */
  cordon(machineID: string): Promise<boolean>;
  /** False when the machine was not cordoned. */
  uncordon(machineID: string): Promise<boolean>;
  /** Why a unit is where it is; undefined when there is no such unit. */
  explain(unit: string): Promise<ApiExplanation | undefined>;
}

/** An explanation, and for how long (ms) the engine holds back because too many machines vanished at once. */
export type ApiExplanation = Explanation & { readonly holdingFor?: number };

export interface ApiRequest {
  readonly method: "GET" | "PUT" | "DELETE";
  /** Below the server's root, with its query. */
  readonly path: string;
  /** JSON text. */
  readonly body?: string;
}

export interface ApiResponse {
  readonly status: number;
  readonly body: string;
}

/** Carries one request to the server and back; throws when there is no answer. */
export type Transport = (request: ApiRequest) => Promise<ApiResponse>;

/** The parts of an answer that never ends, as they come; throws when it is not a success. */
export type Follow = (path: string, signal: AbortSignal) => AsyncIterable<string>;

/** The client on top of any transport; without `follow` it has no events. */
export function createClient(transport: Transport, follow: Follow = endsAtOnce): FleetClient {
  const send: Send = async (method, path, body) => {
    const text = body === undefined ? {} : { body: JSON.stringify(body) };
    return await transport({ method, path: `/fleet/v1${path}`, ...text });
  };
  const change = async (name: string, body: object): Promise<void> => {
    const response = await send("PUT", unitPath(name), { name, ...body });
    if (response.status >= 300) throw refused(response);
  };
  return {
    machines: async () => (await listAll(send, "machines")).map(readMachine),
    units: async () => (await listAll(send, "units")).map(readUnit),
    states: async (filter = {}) => (await listAll(send, "states", { ...filter })).map(readState),
    unit: async (name) => {
      const response = await send("GET", unitPath(name));
      return response.status === 404 ? undefined : readUnit(readJson(response));
    },
    putUnit: async (name, options, desiredState) => await change(name, { options, desiredState }),
    setDesired: async (name, desiredState) => await change(name, { desiredState }),
    events: async function* (units, signal) {
      const query = new URLSearchParams(units.map((name): [string, string] => ["unitName", name]));
      for await (const part of follow(`/fleet/v1/events?${query.toString()}`, signal)) {
        if (/^event: /m.test(part)) yield;
      }
    },
    deleteUnit: async (name) => found(await send("DELETE", unitPath(name))),
    cordons: async () => items(readJson(await send("GET", "/cordons"))["cordons"]).map(readCordon),
    cordon: async (machineID) => found(await send("PUT", `/cordons/${machineID}`)),
    uncordon: async (machineID) => found(await send("DELETE", `/cordons/${machineID}`)),
    explain: async (name) => {
      const response = await send("GET", `${unitPath(name)}/explanation`);
      // The server is of our own kind: only it has this resource.
      return response.status === 404 ? undefined : (readJson(response) as unknown as ApiExplanation);
    },
  };
}

type Send = (method: ApiRequest["method"], path: string, body?: object) => Promise<ApiResponse>;

/** All items that the API calls `key`, page by page. */
async function listAll(
  send: Send,
  key: "machines" | "units" | "states",
  query: Readonly<Record<string, string>> = {},
): Promise<readonly Json[]> {
  const found: Json[] = [];
  let token = "";
  do {
    const parameters = new URLSearchParams({ ...query, ...(token === "" ? {} : { nextPageToken: token }) });
    const response = await send("GET", `/${key === "states" ? "state" : key}?${parameters.toString()}`);
    const page = readJson(response);
    found.push(...items(page[key]));
    token = text(page["nextPageToken"]);
  } while (token !== "");
  return found;
}

async function* endsAtOnce(): AsyncGenerator<string> {}

function unitPath(name: string): string {
  return `/units/${encodeURIComponent(name)}`;
}
