import type { Context, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";

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
    if (Number(length) > maxSize) return onError(c);
    return await next();
  };
}
