import { Hono, type Context } from "hono";
import type { Clock } from "../../foundation/clock.ts";
import { isAppError, messageOf } from "../../foundation/errors.ts";
import type { Log } from "../../foundation/log.ts";
import type { Machine, Snapshot, Unit, UnitState } from "../model.ts";
import type { Mirror, Registry } from "../registry/registry.ts";
import { type Absence, illnessOf, refusalFor } from "./absence.ts";
import { limitBody } from "./body-limit.ts";
import { contentTypeProblem } from "./content-type.ts";
import { discoveryDocument } from "./discovery.ts";
import { eventStream } from "./events.ts";
import { decodeMetadataChanges } from "./metadata-change.ts";
import { showMetrics, type Telemetry } from "./metrics.ts";
import { operatorRoutes } from "./operate.ts";
import { cutPage, requestedPage } from "./page.ts";
import { showMachine, showState, showUnit } from "./show.ts";
import { byKey, createSorter } from "./sorted.ts";
import { decideUnitChange, decodeUnitBody } from "./unit-change.ts";

export interface ApiOptions {
  readonly registry: Pick<
    Registry,
    "putUnit" | "setDesired" | "deleteUnit" | "setMetadata" | "cordon" | "uncordon"
  >;
  /** What to answer from; undefined while this machine is not registered. Asked anew for each request. */
  readonly mirror: () => Mirror | undefined;
  /** Why there is no mirror, where that is known. */
  readonly absence?: () => Absence | undefined;
  /** How long this machine's engine still holds because too many machines vanished at once, ms. */
  readonly holding?: () => number | undefined;
  /** fleetd's version, for the Server header. */
  readonly version: string;
  /** Items on a page. */
  readonly tokenLimit: number;
  /** What /metrics tells besides what the registry shows. */
  readonly telemetry: () => Telemetry;
  /** Ends the event streams. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly log: Log;
}

/** The largest request body, bytes: a unit file of several MiB is a mistake. */
const maxBody = 4 * 1024 * 1024;
/** How long a request waits for etcd's watch to catch up, ms, before it says that there is no etcd. */
const patience = 2_000;
const mostStreams = 256;
const methods: ReadonlySet<string> = new Set(["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "POST"]);

type Status = 400 | 404 | 405 | 409 | 413 | 415 | 500 | 503;

/** Fleet's HTTP API v1 as an application that any HTTP server can run. */
export function createApi(options: ApiOptions): Hono {
  const app = new Hono();
  const requests = new Map<string, number>();
  const streams = new Set<ReadableStream>();
  app.use(async (c, next) => {
    // Before the answer is made: to change a finished one, it would have to be made again.
    c.header("Server", `fleetd/${options.version}`);
    await next();
    const key = `${methods.has(c.req.method) ? c.req.method : "other"} ${c.res.status}`;
    requests.set(key, (requests.get(key) ?? 0) + 1);
  });
  app.notFound((c) => fail(c, 404, ""));
  app.onError((error, c) => {
    if (isAppError(error, "E_ETCD")) return fail(c, 503, refusalFor(undefined));
    options.log.error("a request failed", { method: c.req.method, path: c.req.path, why: messageOf(error) });
    return fail(c, 500, "");
  });
  app.get("/metrics", (c) => {
    const { version, telemetry, mirror } = options;
    const source = { version, mirror: mirror(), telemetry: telemetry(), requests, streams: streams.size };
    return c.text(showMetrics(source), 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
  });
  app.get("/healthz", (c) => health(c, options));
  app.use(async (c, next) => ((await freshMirror(options)) === undefined ? absent(c, options) : next()));
  app.all("/", (c) => fail(c, 405, ""));
  for (const prefix of ["/fleet/v1", "/v1-alpha"]) {
    app.all(prefix, (c) => fail(c, 405, ""));
    app.get(`${prefix}/events`, (c) => events(c, options, streams));
    app.route(prefix, routes(options));
  }
  return app;
}

function routes(options: ApiOptions): Hono {
  const v1 = new Hono();
  const snapshot = (): Snapshot | undefined => options.mirror()?.snapshot;
  const { tokenLimit } = options;
  const sorted = createSorter();
  const limited = limitBody(maxBody, tooLarge);

  v1.get("/machines", (c) => {
    const machines = byKey(snapshot()?.machines ?? new Map<string, Machine>());
    return page(c, { key: "machines", items: machines, show: showMachine, tokenLimit });
  });
  v1.patch("/machines", limited, (c) => patchMachines(c, options));
  v1.all("/machines", (c) => fail(c, 405, "only GET and PATCH supported against this resource"));

  v1.get("/discovery", (c) => c.json(discoveryDocument(options.tokenLimit)));
  v1.all("/discovery", (c) => fail(c, 400, "only HTTP GET supported against this resource"));

  v1.get("/units", (c) => {
    const now = snapshot();
    if (now === undefined) return absent(c, options);
    const show = (unit: Unit): object => showUnit(unit, now);
    return page(c, { key: "units", items: sorted(now.units), show, tokenLimit });
  });
  v1.all("/units", (c) => fail(c, 405, "only GET supported against this resource"));
  v1.get("/units/:name", (c) => {
    const now = snapshot();
    const unit = now?.units.get(c.req.param("name"));
    return now === undefined || unit === undefined ? noUnit(c) : c.json(showUnit(unit, now));
  });
  v1.put("/units/:name", limited, (c) => putUnit(c, c.req.param("name"), options));
  v1.delete("/units/:name", async (c) => {
    const revision = await options.registry.deleteUnit(c.req.param("name"), options.signal);
    if (revision === undefined) return noUnit(c);
    await written(options, revision);
    return c.body(null, 204);
  });
  operatorRoutes(v1, {
    registry: options.registry,
    snapshot,
    holding: options.holding ?? (() => undefined),
    now: () => options.clock.now(),
    written: (revision) => written(options, revision),
    fail,
  });
  v1.all("/units/:name", (c) => fail(c, 405, "only GET, PUT and DELETE supported against this resource"));
  return stateRoutes(v1, snapshot, tokenLimit);
}

function stateRoutes(v1: Hono, snapshot: () => Snapshot | undefined, tokenLimit: number): Hono {
  const sorted = createSorter();
  const statesOf = (unit: string | undefined): UnitState[] => {
    const states = snapshot()?.states ?? new Map<string, ReadonlyMap<string, UnitState>>();
    return unit ? byKey(states.get(unit) ?? new Map()) : sorted(states).flatMap(byKey);
  };
  v1.get("/state", (c) => {
    const { unitName, machineID } = c.req.query();
    const states = statesOf(unitName).filter((state) => !machineID || state.machineID === machineID);
    return page(c, { key: "states", items: states, show: showState, tokenLimit });
  });
  v1.get("/state/:unit", (c) => {
    const [state] = statesOf(c.req.param("unit"));
    return state === undefined ? fail(c, 404, "unit state does not exist") : c.json(showState(state));
  });
  v1.all("/state", (c) => fail(c, 405, "only GET supported against this resource"));
  v1.all("/state/:unit", (c) => fail(c, 405, "only GET supported against this resource"));
  return v1;
}

interface Listing<T> {
  readonly key: string;
  readonly items: readonly T[];
  readonly show: (item: T) => object;
  readonly tokenLimit: number;
}

/** The page that the request asks for; only what is on it is written out. */
function page<T>(c: Context, { key, items, show, tokenLimit }: Listing<T>): Response {
  const token = requestedPage(c.req.queries("nextPageToken") ?? [], tokenLimit);
  if (typeof token === "string") return fail(c, 400, token);
  const cut = cutPage(items, token);
  return c.json({
    ...(cut.items.length > 0 ? { [key]: cut.items.map(show) } : {}),
    ...(cut.next === undefined ? {} : { nextPageToken: cut.next }),
  });
}

async function putUnit(c: Context, name: string, options: ApiOptions): Promise<Response> {
  const wrongType = contentTypeProblem(c.req.raw.headers.get("content-type"));
  if (wrongType !== undefined) return fail(c, 415, wrongType);
  const body = decodeUnitBody(await c.req.text());
  if (typeof body === "string") return fail(c, 400, `unable to decode body: ${body}`);
  const change = decideUnitChange(name, body, options.mirror()?.snapshot.units.get(name));
  // Not the request's own: what was ordered is carried out, whether or not the client waits for it.
  const { signal } = options;
  switch (change.kind) {
    case "refused":
      return fail(c, change.status, change.message);
    case "put":
      await written(options, await options.registry.putUnit(change.unit, signal));
      return c.body(null, 201);
    case "set": {
      const revision = await options.registry.setDesired(name, change.desired, signal);
      if (revision === undefined) return noUnit(c);
      await written(options, revision);
      return c.body(null, 204);
    }
  }
}

async function patchMachines(c: Context, options: ApiOptions): Promise<Response> {
  const changes = decodeMetadataChanges(await c.req.text());
  if (typeof changes === "string") return fail(c, 400, changes);
  if (changes.length > 0) await written(options, await options.registry.setMetadata(changes, options.signal));
  return c.body(null, 204);
}

function health(c: Context, options: ApiOptions): Response {
  const mirror = options.mirror();
  if (mirror === undefined) return c.text(illnessOf(options.absence?.()), 503);
  return mirror.fresh ? c.text("ok\n") : c.text("the registry in etcd cannot be followed\n", 503);
}

/** `?unitName=` (repeatable) leaves other units' events out. */
function events(c: Context, options: ApiOptions, open: Set<ReadableStream>): Response {
  const mirror = options.mirror();
  if (mirror === undefined) return absent(c, options);
  if (open.size >= mostStreams) return fail(c, 503, `${mostStreams} clients follow the events already`);
  const over = new AbortController();
  c.req.raw.signal.addEventListener("abort", () => over.abort(new Error("the client has gone")), {
    once: true,
  });
  const signal = AbortSignal.any([options.signal, over.signal]);
  const units = new Set(c.req.queries("unitName") ?? []);
  const stream = eventStream(mirror, {
    clock: options.clock,
    units,
    signal,
    onEnd: () => open.delete(stream),
  });
  open.add(stream);
  return c.body(stream, 200, { "content-type": "text/event-stream", "cache-control": "no-store" });
}

/** The mirror, once it is up to date; undefined when it does not become so in time. */
async function freshMirror({ mirror, clock }: ApiOptions): Promise<Mirror | undefined> {
  const now = mirror();
  if (now === undefined || now.fresh) return now;
  await within(clock, async (signal) => {
    while (!now.fresh) await now.changed(signal);
  });
  return now.fresh ? now : undefined;
}

/** Clients read their own writes: the answer comes when the mirror shows them, or a little later anyway. */
async function written({ mirror, clock }: ApiOptions, revision: bigint): Promise<void> {
  await within(clock, (signal) => mirror()?.reached(revision, signal) ?? Promise.resolve());
}

/** Waits for `work`, but no longer than our patience; how it ended is for the caller to look at. */
async function within(clock: Clock, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const over = new AbortController();
  const timer = clock.sleep(patience, over.signal).catch(() => undefined);
  await Promise.race([work(over.signal).catch(() => undefined), timer]);
  over.abort(new Error("done"));
}

function fail(c: Context, status: Status, message: string): Response {
  return c.json({ error: { code: status, message } }, status);
}

/** There is nothing to answer from. */
function absent(c: Context, { mirror, absence }: ApiOptions): Response {
  return fail(c, 503, refusalFor(mirror() === undefined ? absence?.() : undefined));
}

function noUnit(c: Context): Response {
  return fail(c, 404, "unit does not exist");
}

function tooLarge(c: Context): Response {
  return fail(c, 413, `the request body exceeds ${maxBody} bytes`);
}
