import { AppError } from "../foundation/errors.ts";

/**
 * What a discovery service knows, and how it changes: etcd's own key space, as far as members use it to find each other.
 * A token has a size and the members that have registered under it. Pure: each change gives a new registry.
 */
export interface Registry {
  readonly version: 1;
  /** Counts changes, as etcd does. */
  readonly index: number;
  readonly tokens: Readonly<Record<string, Token>>;
}

export interface Token {
  /** As it was given: judging it is the members' business. */
  readonly size: Entry;
  /** In the order in which they came; those beyond the size have no place in the cluster. */
  readonly members: readonly Member[];
}

export interface Entry {
  readonly value: string;
  /** The registry's index when it was made. */
  readonly created: number;
}

export interface Member extends Entry {
  /** etcd's: a hash of the member's addresses and the token's URL. */
  readonly id: string;
}

/** What a member that waits for others is told. */
export interface Event {
  readonly action: "create" | "delete";
  readonly token: string;
  readonly member: Member;
  readonly index: number;
}

export const emptyRegistry: Registry = { version: 1, index: 3, tokens: {} };

/** A token of our own making or etcd's: both are one path segment. */
export function isToken(text: string): boolean {
  return /^[A-Za-z0-9_-]{1,64}$/.test(text) && !text.startsWith("_") && text !== "new" && text !== "health";
}

/** A new token; undefined when there is one of this name. */
export function createToken(registry: Registry, token: string, size: string): Registry | undefined {
  if (Object.hasOwn(registry.tokens, token)) return undefined;
  const index = registry.index + 1;
  return {
    ...registry,
    index,
    tokens: { ...registry.tokens, [token]: { size: { value: size, created: index }, members: [] } },
  };
}

export interface Change {
  readonly registry: Registry;
  readonly event: Event;
}

/** Registers a member; undefined when one of this id is there already, which etcd takes for a member that came before. */
export function register(registry: Registry, token: string, id: string, value: string): Change | undefined {
  const found = registry.tokens[token];
  if (found === undefined || found.members.some((member) => member.id === id)) return undefined;
  const member = { id, value, created: registry.index + 1 };
  return change(registry, { action: "create", token, member }, [...found.members, member]);
}

/** Takes a member's registration back; undefined when there is none. */
export function unregister(registry: Registry, token: string, id: string): Change | undefined {
  const found = registry.tokens[token];
  const member = found?.members.find((one) => one.id === id);
  if (found === undefined || member === undefined) return undefined;
  const rest = found.members.filter((one) => one.id !== id);
  return change(registry, { action: "delete", token, member }, rest);
}

function change(registry: Registry, news: Omit<Event, "index">, members: readonly Member[]): Change {
  const index = registry.index + 1;
  const token = registry.tokens[news.token];
  if (token === undefined) throw new AppError("E_BUG", `there is no token ${news.token}`);
  const tokens = { ...registry.tokens, [news.token]: { ...token, members } };
  return { registry: { ...registry, index, tokens }, event: { ...news, index } };
}

/** Reads a registry that was stored. @throws E_STATE_CONFLICT when it is none */
export function parseRegistry(text: string, path: string): Registry {
  try {
    const data = JSON.parse(text) as Partial<Registry>;
    if (data.version === 1 && typeof data.index === "number" && typeof data.tokens === "object")
      return data as Registry;
  } catch {
    // Said below.
  }
  throw new AppError("E_STATE_CONFLICT", `${path} does not hold the tokens of a discovery service`, {
    hint: "remove it when no cluster is just forming; a cluster that has formed does not need it",
  });
}
