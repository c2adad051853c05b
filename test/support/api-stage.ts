import type { Hono } from "hono";
import { manualClock, type ManualClock } from "../../src/foundation/clock.ts";
import { silentLog } from "../../src/foundation/log.ts";
import type { Absence } from "../../src/fleet/api/absence.ts";
import { createApi } from "../../src/fleet/api/server.ts";
import type { Telemetry } from "../../src/fleet/api/metrics.ts";
import type { UnitState } from "../../src/fleet/model.ts";
import { createMemoryRegistry, type MemoryRegistry } from "../../src/fleet/registry/memory.ts";
import type { Mirror, Session, Term } from "../../src/fleet/registry/registry.ts";
import { aMachine } from "./fleet-world.ts";

export const machine = aMachine("1".repeat(32), {
  publicIP: "10.0.0.1",
  metadata: { zone: "b", region: "a" },
});
export const options = [{ section: "Service", name: "ExecStart", value: "/bin/sleep 100" }];
export const globalOptions = [...options, { section: "X-Fleet", name: "Global", value: "true" }];

const telemetry: Telemetry = {
  engine: {
    leading: true,
    terms: 1,
    reconciles: 7,
    decisions: { place: 3, release: 1, refuse: 0, forgive: 0 },
    failures: 2,
    waiting: 0,
    holding: false,
  },
  session: { begun: 1, resumed: 0, lost: 0, unbroken: 12.5 },
  process: { cpu: 1.5, resident: 1_000, heap: 500, external: 100 },
};

/** How a client asks the API. */
interface Requests {
  /** A body that is a text is sent as it is. */
  send(method: string, path: string, body?: unknown, type?: string): Promise<Response>;
  /** The JSON that a GET gives. */
  get(path: string): Promise<unknown>;
  put(name: string, body: object): Promise<Response>;
}

/** The API over the registry's twin, on one machine that has joined and leads. */
export interface ApiStage extends Requests {
  readonly clock: ManualClock;
  readonly registry: MemoryRegistry;
  readonly term: Term;
  /** Undefined: as before the machine has joined. */
  mirror: Mirror | undefined;
  absence: Absence | undefined;
  app: Hono;
  /** The API with pages of this size. */
  api(tokenLimit: number): Hono;
  place(unit: string): Promise<void>;
  publish(unit: string, reached: "loaded" | "launched"): Promise<void>;
  close(): void;
}

/** The code, which must be the status too, and the message of an error. */
export async function errorOf(response: Response): Promise<[number, string]> {
  const { error } = (await response.json()) as { error: { code: number; message: string } };
  if (error.code !== response.status) throw new Error(`status ${response.status} with code ${error.code}`);
  return [error.code, error.message];
}

export async function apiStage(): Promise<ApiStage> {
  const clock = manualClock();
  const stop = new AbortController();
  const registry = createMemoryRegistry({ clock });
  const client = registry.client();
  const joined = await client.join({ machine, ttl: 4_000 }, stop.signal);
  if (joined.kind !== "joined") throw new Error("not joined");
  const session: Session = joined.session;
  const api = (tokenLimit: number): Hono =>
    createApi({
      registry: client,
      mirror: () => stage.mirror,
      absence: () => stage.absence,
      version: "0.1.0",
      tokenLimit,
      telemetry: () => telemetry,
      signal: stop.signal,
      clock,
      log: silentLog(),
    });
  const stage: ApiStage = {
    clock,
    registry,
    term: await session.campaign(stop.signal),
    mirror: await client.follow(stop.signal),
    absence: undefined,
    app: api(100),
    api,
    ...requestsTo(() => stage.app),
    place: async (unit) => {
      const placement = { unit, machineID: machine.id, reason: "test" };
      await stage.term.commit([{ kind: "place", placement }]);
    },
    publish: (unit, reached) => session.putState(stateOf(unit, reached)),
    close: () => stop.abort(new Error("the test is over")),
  };
  return stage;
}

/** @param app asked anew at each request, since a test may put another in its place */
function requestsTo(app: () => Hono): Requests {
  const send: Requests["send"] = async (method, path, body, type = "application/json") => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const sent = body === undefined ? {} : { body: text, headers: { "content-type": type } };
    return await app().request(path, { method, ...sent });
  };
  return {
    send,
    get: async (path) => await (await send("GET", path)).json(),
    put: (name, body) => send("PUT", `/fleet/v1/units/${encodeURIComponent(name)}`, body),
  };
}

function stateOf(unit: string, reached: "loaded" | "launched"): UnitState {
  const [active, sub] = reached === "launched" ? ["active", "running"] : ["inactive", "dead"];
  return { unit, machineID: machine.id, hash: "abc", load: "loaded", active, sub, reached };
}
