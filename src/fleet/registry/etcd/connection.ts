import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  OutgoingHttpHeaders,
  SecureClientSessionOptions,
} from "node:http2";
import { connect, constants } from "node:http2";
import type { Clock } from "../../../foundation/clock.ts";

/**
 * An HTTP/2 connection to one etcd member that opens when it is needed and again when it is lost. In place of
 * connect-node's own manager, which has no time-out for opening and lets errors of a connection that it has put aside
 * end the process.
 */
export interface Connection {
  readonly authority: string;
  /** Opens a stream; rejects when there is no connection within a second. */
  request(
    method: string,
    path: string,
    headers: OutgoingHttpHeaders,
    options: object,
  ): Promise<ClientHttp2Stream>;
  /** Data came: the other side lives. */
  notifyResponseByteRead(stream: ClientHttp2Stream): void;
  close(): void;
}

/** What a connection is opened with. */
export interface ConnectionOptions {
  readonly clock: Clock;
  readonly tls?: TlsTexts | undefined;
  /** How many times longer than usual the other side may take to answer. */
  readonly patience: number;
}

const connectWithin = 1_000;
/** etcd forbids more than one ping a second (`--grpc-keepalive-min-time=1s`), and any without open streams. */
const pingEvery = 1_500;
const pongWithin = 800;

/** PEM texts. A server's certificate is always checked: by `ca`, else by the authorities that Node knows. */
export interface TlsTexts {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** A connection to `url` that is not open yet. */
export function openConnection(url: string, options: ConnectionOptions): Connection {
  let link: Promise<Link> | undefined;
  let live: Link | undefined;
  const forget = (gone: Promise<Link>): void => {
    if (link !== gone) return;
    link = undefined;
    live = undefined;
  };
  const linked = (): Promise<Link> => {
    // A session that has ended says so only when its socket is closed, which the dead other side may hold up for long.
    const ended = live !== undefined && (live.session.destroyed || live.session.closed);
    if (link !== undefined && ended) forget(link);
    if (link !== undefined) return link;
    const opening: Promise<Link> = openLink({ url, ...options }, () => forget(opening));
    link = opening;
    opening.then(
      (opened) => (live = link === opening ? opened : live),
      () => forget(opening),
    );
    return opening;
  };
  return {
    authority: new URL(url).origin,
    request: async (method, path, headers) => {
      const open = await linked();
      const stream = open.session.request({ ...headers, ":method": method, ":path": path });
      open.opened(stream);
      return stream;
    },
    notifyResponseByteRead: (stream) => {
      if (live !== undefined && stream.session === live.session) live.heard();
    },
    close: () => {
      live?.session.destroy(undefined, constants.NGHTTP2_CANCEL);
      if (link !== undefined) forget(link);
    },
  };
}

interface Link {
  readonly session: ClientHttp2Session;
  opened(stream: ClientHttp2Stream): void;
  heard(): void;
}

interface Target extends ConnectionOptions {
  readonly url: string;
}

/** @param gone called once when no new stream shall be opened on it */
function openLink(target: Target, gone: () => void): Promise<Link> {
  const { url, clock, tls = {}, patience } = target;
  const within = connectWithin * patience;
  const given = Object.entries(tls).filter(([, text]) => text !== undefined);
  const session = connect(url, Object.fromEntries(given) as SecureClientSessionOptions);
  const closed = new AbortController();
  const end = (): void => {
    closed.abort(new Error(`the connection to ${url} has ended`));
    gone();
  };
  session.on("goaway", gone);
  session.on("close", end);
  return new Promise((resolve, reject) => {
    // Stays for good: an error that nobody listens to ends the process. Streams learn of it by themselves.
    session.on("error", reject);
    session.on("close", () => reject(new Error(`the connection to ${url} has ended`)));
    session.on("connect", () => resolve(watchOver(session, target, closed.signal)));
    clock.sleep(within, closed.signal).then(
      () => session.connecting && session.destroy(new Error(`no connection to ${url} in ${within} ms`)),
      () => undefined,
    );
  });
}

/** Pings while streams are open and nothing is heard; ends the connection when no answer comes. */
function watchOver(session: ClientHttp2Session, { url, clock, patience }: Target, closed: AbortSignal): Link {
  let heardAt = clock.monotonic();
  let streams = 0;
  let watching = false;
  const pause = pingEvery * patience;
  const silence = (): number => clock.monotonic() - heardAt;
  const heard = (): void => {
    heardAt = clock.monotonic();
  };
  const ping = async (): Promise<void> => {
    const sent = clock.monotonic();
    session.ping((error) => error === null && heard());
    await clock.sleep(pongWithin * patience, closed);
    if (heardAt < sent) session.destroy(new Error(`${url} does not answer pings`), constants.NGHTTP2_CANCEL);
  };
  const watch = async (): Promise<void> => {
    watching = true;
    session.ref();
    while (streams > 0 && !session.destroyed) {
      if (silence() >= pause) await ping();
      else await clock.sleep(pause - silence(), closed);
    }
    watching = false;
    session.unref();
  };
  session.unref();
  return {
    session,
    heard,
    opened: (stream) => {
      streams += 1;
      // connect-node adds its own listener only a moment later.
      stream.on("error", () => undefined);
      stream.once("response", heard);
      stream.once("close", () => (streams -= 1));
      if (!watching) watch().catch(() => (watching = false));
    },
  };
}
