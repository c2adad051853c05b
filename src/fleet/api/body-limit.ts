import type { Context, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";

/** Of a body that is too large so much is read and thrown away, so that its sender hears why, bytes. */
const mostDiscarded = 64 * 1_024 * 1_024;

/**
 * Refuses bodies of more than `maxSize` bytes. One that says its length beforehand, as those of all known clients do, is
 * judged by that, since Node holds it to its word: reading it as a stream would cost more than all else of a request.
 */
export function limitBody(maxSize: number, onError: (c: Context) => Response): MiddlewareHandler {
  const byReading = bodyLimit({ maxSize, onError });
  return async (c, next) => {
    const length = c.req.header("content-length");
    if (length === undefined || c.req.header("transfer-encoding") !== undefined)
      return await byReading(c, next);
    if (Number(length) <= maxSize) return await next();
    if (Number(length) <= mostDiscarded) await discard(c.req.raw.body);
    return onError(c);
  };
}

/** A client that is still writing hears no answer: it finds the connection broken. */
async function discard(body: ReadableStream<Uint8Array> | null): Promise<void> {
  try {
    for await (const part of body ?? []) void part;
  } catch {
    // The client has gone.
  }
}
