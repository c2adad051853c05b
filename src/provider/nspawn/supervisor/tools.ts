import type { Clock } from "../../../foundation/clock.ts";
import type { Exec } from "../../../foundation/exec.ts";
import type { Log } from "../../../foundation/log.ts";
import type { Hierarchies } from "../cgroups.ts";
import type { HostNames } from "../names.ts";
import type { SupervisorConfig } from "./config.ts";

/** What the parts of a supervisor work with. */
export interface SupervisorTools {
  /** As it is now: `configure` reads it again. */
  readonly config: () => SupervisorConfig;
  readonly names: HostNames;
  readonly hierarchies: Hierarchies;
  readonly exec: Exec;
  readonly clock: Clock;
  readonly log: Log;
}
