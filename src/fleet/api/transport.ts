import type { IncomingMessage, RequestOptions } from "node:http";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { AppError, messageOf } from "../../foundation/errors.ts";
import type { ApiRequest, ApiResponse, Follow, Transport } from "./client.ts";

/** Where the API is. A `stream` endpoint opens one stream per request, for instance through an ssh connection. */
export type Endpoint =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "http"; readonly url: URL; readonly tls?: TlsFiles }
  | { readonly kind: "stream"; readonly name: string; readonly open: () => Promise<Duplex> };

/** PEM texts for an https endpoint. */
export interface TlsFiles {
  readonly key?: string;
  readonly cert?: string;
  readonly ca?: string;
}

/** Speaks HTTP/1.1 to the endpoint, one connection per request; each request may take `timeout` ms. */
export function httpTransport(endpoint: Endpoint, timeout: number): Transport {
  return async (request) => {
    const deadline = AbortSignal.timeout(timeout);
    try {
      return await exchange(endpoint, request, deadline);
    } catch (error) {
      throw deadline.aborted ? tooSlow(endpoint, timeout) : unreachable(endpoint, error);
    }
  };
}

/** Reads an answer that never ends; its beginning may take `timeout` ms. */
export function httpFollow(endpoint: Endpoint, timeout: number): Follow {
  return async function* (path, signal) {
    const begun = new AbortController();
    const late = AbortSignal.timeout(timeout);
    const opening = new AbortController();
    late.addEventListener("abort", () => begun.signal.aborted || opening.abort(late.reason));
    const stop = AbortSignal.any([signal, opening.signal]);
    const { response, stream } = await send(endpoint, { method: "GET", path }, stop);
    begun.abort(new Error("it has begun"));
    try {
      if (response.statusCode !== 200) throw unreachable(endpoint, new Error(`HTTP ${response.statusCode}`));
      response.setEncoding("utf8");
      for await (const part of response) yield part as string;
    } finally {
      response.destroy();
      stream?.destroy();
    }
  };
}

interface Begun {
  readonly response: IncomingMessage;
  readonly stream: Duplex | undefined;
}

async function exchange(endpoint: Endpoint, request: ApiRequest, signal: AbortSignal): Promise<ApiResponse> {
  const { response, stream } = await send(endpoint, request, signal);
  try {
    return { status: response.statusCode ?? 0, body: await text(response) };
  } finally {
    stream?.destroy();
  }
}

async function send(endpoint: Endpoint, request: ApiRequest, signal: AbortSignal): Promise<Begun> {
  const stream = endpoint.kind === "stream" ? await endpoint.open() : undefined;
  try {
    // Importing these as ES modules reads all their exports, which loads the whole of fetch: 60 ms of fleetctl's start.
    const isSecure = endpoint.kind === "http" && endpoint.url.protocol === "https:";
    const { request: open } = process.getBuiltinModule(isSecure ? "node:https" : "node:http");
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing = open(requestOptions(endpoint, request, stream, signal));
      outgoing.once("response", resolve).once("error", reject);
      outgoing.end(request.body);
    });
    return { response, stream };
  } catch (error) {
    stream?.destroy();
    throw error;
  }
}

function requestOptions(
  endpoint: Endpoint,
  request: ApiRequest,
  stream: Duplex | undefined,
  signal: AbortSignal,
): RequestOptions & TlsFiles {
  const json = request.body === undefined ? {} : { "content-type": "application/json" };
  const length = { "content-length": Buffer.byteLength(request.body ?? "") };
  const options: RequestOptions = {
    method: request.method,
    path: request.path,
    headers: { accept: "application/json", connection: "close", ...json, ...length },
    signal,
  };
  if (endpoint.kind === "unix") return { ...options, socketPath: endpoint.path };
  if (stream !== undefined) return { ...options, createConnection: () => stream };
  const { url, tls } = endpoint as Extract<Endpoint, { kind: "http" }>;
  return { ...options, hostname: url.hostname.replace(/^\[|\]$/g, ""), port: url.port, ...tls };
}

function nameOf(endpoint: Endpoint): string {
  if (endpoint.kind === "unix") return `unix://${endpoint.path}`;
  return endpoint.kind === "http" ? endpoint.url.href : endpoint.name;
}

function unreachable(endpoint: Endpoint, error: unknown): AppError {
  return new AppError(
    "E_NODE_UNREACHABLE",
    `cannot reach fleet at ${nameOf(endpoint)}: ${messageOf(error)}`,
    {
      cause: error,
      hint: "on a node, 'systemctl status fleet' says whether fleetd runs; from elsewhere use --tunnel or --endpoint",
    },
  );
}

function tooSlow(endpoint: Endpoint, timeout: number): AppError {
  return new AppError(
    "E_TIMEOUT",
    `fleet at ${nameOf(endpoint)} did not answer within ${timeout / 1_000} s`,
    {
      hint: "a longer --request-timeout may help; 'etcdctl cluster-health' on a node says whether etcd is well",
    },
  );
}
