import type { Clock } from "../../foundation/clock.ts";
import type { FleetClient } from "../api/client.ts";
import { manyUnits } from "./known-units.ts";

/** Tells when it is worth to look again. */
export interface Bell {
  /**
   * Waits for news, and `gather` ms longer for what comes with them. Without an event stream it waits for `polling` ms;
   * with one, at most for `quiet` ms.
   */
  next(wait: { readonly polling: number; readonly quiet: number; readonly gather: number }): Promise<void>;
  close(): void;
}

/**
 * Listens to the server's events about these units from the first `next` on, so that who need not wait pays nothing. A
 * server that has no event stream, or loses it, is looked at from time to time instead.
 */
export function createBell(fleet: FleetClient, names: readonly string[], clock: Clock): Bell {
  const over = new AbortController();
  let begun = false;
  let live = false;
  let rung = false;
  let wake: () => void = () => undefined;
  const ring = (): void => {
    rung = true;
    wake();
  };
  const listen = async (): Promise<void> => {
    try {
      for await (const _ of fleet.events(names.length > manyUnits ? [] : names, over.signal)) {
        live = true;
        ring();
      }
    } catch {
      // Then there is no stream, and what happened is seen by looking.
    }
    if (live && !over.signal.aborted) ring();
    live = false;
  };
  return {
    next: async ({ polling, quiet, gather }) => {
      if (!begun) void listen();
      begun = true;
      if (!rung) {
        const enough = new AbortController();
        const news = new Promise<void>((resolve) => (wake = resolve));
        const late = clock.sleep(live ? quiet : polling, enough.signal).catch(() => undefined);
        await Promise.race([news, late]);
        enough.abort(new Error("there is news"));
      }
      if (rung) await clock.sleep(gather);
      rung = false;
    },
    close: () => over.abort(new Error("nobody waits any more")),
  };
}
