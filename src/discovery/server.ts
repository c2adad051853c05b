import { randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { AppError } from "../foundation/errors.ts";
import {
  type Change,
  createToken,
  emptyRegistry,
  type Event,
  isToken,
  type Member,
  register,
  type Registry,
  unregister,
} from "./registry.ts";

/** The port where etcd's own discovery service listens. */
export const discoveryPort = 8087;

export interface DiscoveryOptions {
  /** What an earlier run stored. */
  readonly registry?: Registry;
  /** Called after each change, before it is answered. */
  readonly save: (registry: Registry) => Promise<void>;
}

/** The service as a function of requests: etcd's discovery over HTTP, version 2. */
export function discoveryApp(options: DiscoveryOptions): Hono {
  const desk = openDesk(options);
  const app = new Hono();
  app.get("/", (context) => context.text("etcd discovery; begin with /new?size=3\n"));
  app.get("/health", (context) => context.text("OK"));
  app.on(["GET", "PUT"], "/new", (context) => makeToken(context, desk));
  app.get("/:token/_config/size", (context) => {
    const token = context.req.param("token");
    const key = keyOf(token, "_config/size");
    const size = desk.registry().tokens[token]?.size;
    return size === undefined
      ? desk.refuse(context, 100, key)
      : desk.answer(context, { action: "get", node: node(key, size) });
  });
  app.put("/:token/_config/size", (context) => plantSize(context, desk, context.req.param("token")));
  app.get("/:token", async (context) => {
    const token = context.req.param("token");
    const found = desk.registry().tokens[token];
    if (found === undefined) return desk.refuse(context, 100, keyOf(token));
    if (context.req.query("wait") === "true")
      return await desk.next(context, (event) => event.token === token);
    return desk.answer(context, { action: "get", node: folder(token, found.size.created, found.members) });
  });
  addMemberRoutes(app, desk);
  return app;
}

function addMemberRoutes(app: Hono, desk: Desk): void {
  app.get("/:token/:member", async (context) => {
    const { token, member: id } = context.req.param();
    const wanted = (event: Event): boolean => event.token === token && event.member.id === id;
    if (context.req.query("wait") === "true") return await desk.next(context, wanted);
    const member = desk.registry().tokens[token]?.members.find((one) => one.id === id);
    const key = keyOf(token, id);
    return member === undefined
      ? desk.refuse(context, 100, key)
      : desk.answer(context, { action: "get", node: node(key, member) });
  });
  app.put("/:token/:member", async (context) => {
    const { token, member: id } = context.req.param();
    const value = await formValue(context);
    if (desk.registry().tokens[token] === undefined) return desk.refuse(context, 100, keyOf(token));
    const made = register(desk.registry(), token, id, value);
    if (made === undefined) return desk.refuse(context, 105, keyOf(token, id));
    await desk.publish(made);
    return desk.answer(context, eventBody(made.event), 201);
  });
  app.delete("/:token/:member", async (context) => {
    const { token, member: id } = context.req.param();
    const made = unregister(desk.registry(), token, id);
    if (made === undefined) return desk.refuse(context, 100, keyOf(token, id));
    await desk.publish(made);
    return desk.answer(context, eventBody(made.event));
  });
}

async function makeToken(context: Context, desk: Desk): Promise<Response> {
  const size = context.req.query("size") ?? "3";
  if (!/^[1-9]\d{0,2}$/.test(size)) return context.text(`size "${size}" is no number of members\n`, 400);
  const token = randomBytes(16).toString("hex");
  const made = createToken(desk.registry(), token, size);
  if (made !== undefined) await desk.store(made);
  return context.text(`${new URL(context.req.url).origin}/${token}`);
}

async function plantSize(context: Context, desk: Desk, token: string): Promise<Response> {
  const value = await formValue(context);
  if (!isToken(token)) return context.text("this is no name for a token\n", 400);
  const made = createToken(desk.registry(), token, value);
  const key = keyOf(token, "_config/size");
  if (made === undefined) return desk.refuse(context, 105, key);
  await desk.store(made);
  return desk.answer(context, { action: "create", node: node(key, { value, created: made.index }) }, 201);
}

/** The registry of a running service, and who waits for its changes. */
interface Desk {
  registry(): Registry;
  /** Takes a new registry into use; returns when it is saved. */
  store(next: Registry): Promise<void>;
  /** The same, and tells those who wait. */
  publish(change: Change): Promise<void>;
  answer(context: Context, body: object, status?: 200 | 201 | 404 | 412): Response;
  /** etcd's answer with one of its error codes. */
  refuse(context: Context, code: keyof typeof failures, key: string): Response;
  /** The first event from `waitIndex` on that is wanted, as soon as there is one. */
  next(context: Context, wanted: (event: Event) => boolean): Promise<Response>;
}

function openDesk(options: DiscoveryOptions): Desk {
  let registry = options.registry ?? emptyRegistry;
  const events: Event[] = [...rebuilt(registry)];
  const waiting = new Set<(event: Event) => void>();
  let saving: Promise<void> = Promise.resolve();
  const desk: Desk = {
    registry: () => registry,
    store: async (next) => {
      registry = next;
      saving = saving.catch(() => undefined).then(() => options.save(next));
      await saving;
    },
    publish: async ({ registry: next, event }) => {
      events.push(event);
      await desk.store(next);
      for (const tell of waiting) tell(event);
    },
    answer: (context, body, status = 200) =>
      context.json(body, status, { "X-Etcd-Index": String(registry.index), "X-Etcd-Cluster-Id": "f107111a" }),
    refuse: (context, code, key) => {
      const { message, status } = failures[code];
      return desk.answer(context, { errorCode: code, message, cause: key, index: registry.index }, status);
    },
    next: async (context, wanted) => {
      const from = Number(context.req.query("waitIndex") ?? registry.index + 1);
      const fits = (event: Event): boolean => event.index >= from && wanted(event);
      const event = events.find(fits) ?? (await wait(waiting, fits, context.req.raw.signal));
      return desk.answer(context, eventBody(event));
    },
  };
  return desk;
}

const failures = {
  100: { message: "Key not found", status: 404 },
  105: { message: "Key already exists", status: 412 },
} as const;

/** Listens until it is closed. @throws E_IN_USE when somebody else listens there, E_HOST_LACKS for an address that is not ours */
export async function serveDiscovery(
  options: DiscoveryOptions & { readonly address: string; readonly port: number },
): Promise<Server> {
  const listener = getRequestListener(discoveryApp(options).fetch);
  const server = createServer((incoming, outgoing) => void listener(incoming, outgoing));
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(listenError(error, options)));
    server.listen(options.port, options.address, resolve);
  });
  return server;
}

function listenError(
  error: NodeJS.ErrnoException,
  { address, port }: { readonly address: string; readonly port: number },
): Error {
  const what = `the discovery service cannot listen on ${address}:${port}`;
  if (error.code === "EADDRINUSE") {
    return new AppError("E_IN_USE", what, { hint: `end what listens there; 'ss -ltnp' names it` });
  }
  if (error.code !== "EADDRNOTAVAIL") return error;
  const hint = "the machines' network has to be there first; or name an address of this host with --listen";
  return new AppError("E_HOST_LACKS", `${what}: this host has no such address`, { hint });
}

/** Ends the service and the members' long questions. */
export function closeDiscovery(server: Server): void {
  server.close();
  server.closeAllConnections();
}

function wait(
  waiting: Set<(event: Event) => void>,
  fits: (event: Event) => boolean,
  gone: AbortSignal,
): Promise<Event> {
  return new Promise((resolve, reject) => {
    const tell = (event: Event): void => {
      if (!fits(event)) return;
      waiting.delete(tell);
      resolve(event);
    };
    waiting.add(tell);
    gone.addEventListener("abort", () => {
      waiting.delete(tell);
      reject(gone.reason as Error);
    });
  });
}

/** The events of an earlier run that a member may still ask for. */
function rebuilt(registry: Registry): readonly Event[] {
  return Object.entries(registry.tokens)
    .flatMap(([token, { members }]) =>
      members.map((member): Event => ({ action: "create", token, member, index: member.created })),
    )
    .sort((a, b) => a.index - b.index);
}

async function formValue(context: Context): Promise<string> {
  return new URLSearchParams(await context.req.text()).get("value") ?? "";
}

function keyOf(token: string, rest?: string): string {
  return `/_etcd/registry/${token}${rest === undefined ? "" : `/${rest}`}`;
}

function node(key: string, { value, created }: { readonly value: string; readonly created: number }): object {
  return { key, value, modifiedIndex: created, createdIndex: created };
}

function folder(token: string, created: number, members: readonly Member[]): object {
  const nodes = members.map((member) => node(keyOf(token, member.id), member));
  const list = nodes.length === 0 ? {} : { nodes };
  return { key: keyOf(token), dir: true, ...list, modifiedIndex: created, createdIndex: created };
}

function eventBody({ action, token, member, index }: Event): object {
  const key = keyOf(token, member.id);
  if (action === "create") return { action, node: node(key, member) };
  const gone = { key, modifiedIndex: index, createdIndex: member.created };
  return { action, node: gone, prevNode: node(key, member) };
}
