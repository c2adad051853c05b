import { messageOf } from "../../foundation/errors.ts";
import type { Log } from "../../foundation/log.ts";
import type { Mirror } from "../registry/registry.ts";

export interface OrphansOptions {
  /** The registry that an earlier fleetd of this boot followed; undefined: there was none, or nobody knows. */
  readonly origin: string | undefined;
  /** Keeps, for the next fleetd of this boot, which registry the units of this machine belong to. */
  readonly keepOrigin: (origin: string) => Promise<void>;
  readonly log: Log;
}

/**
 * Units that run here and were lost with the registry: etcd has another one now, made anew, which does not know them. That
 * nobody wants them is no decision of anybody's, so they run on until the registry knows them again.
 */
export interface Orphans {
  /** Those of the units that are here (`local`) which are to be left alone. */
  among(local: readonly string[], mirror: Pick<Mirror, "origin" | "snapshot">): ReadonlySet<string>;
}

export function createOrphans({ origin, keepOrigin, log }: OrphansOptions): Orphans {
  const orphans = new Set<string>();
  let seen = origin;
  let kept = origin;
  return {
    among: (local, { origin: now, snapshot: { units } }) => {
      const lost = seen !== undefined && now !== seen;
      if (lost) for (const name of local) orphans.add(name);
      seen = now;
      const here = new Set(local);
      for (const name of orphans) if (units.has(name) || !here.has(name)) orphans.delete(name);
      if (lost && orphans.size > 0)
        log.error("etcd has lost what it knew: units that it knows no longer are left as they are", {
          units: [...orphans].toSorted().join(" "),
          hint: "submit them again, or submit and destroy those that shall end",
        });
      // Until then a fleetd that is started anew has to see the difference, too.
      if (orphans.size === 0 && now !== undefined && now !== kept) {
        kept = now;
        keepOrigin(now).catch((error: unknown) =>
          log.warn("could not keep which registry this is", { why: messageOf(error) }),
        );
      }
      return orphans;
    },
  };
}
