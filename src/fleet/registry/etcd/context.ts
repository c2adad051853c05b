import type { Clock } from "../../../foundation/clock.ts";
import type { Log } from "../../../foundation/log.ts";
import type { Layout } from "./layout.ts";
import type { Members } from "./members.ts";

/** What every part of one client shares. */
export interface EtcdContext {
  readonly members: Members;
  readonly layout: Layout;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborts when the client is closed. */
  readonly closed: AbortSignal;
}
