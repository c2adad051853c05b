import type { Context, Hono } from "hono";
import type { Cordon, Snapshot } from "../model.ts";
import { explainUnit } from "../schedule/explain.ts";
import type { Registry } from "../registry/registry.ts";

/** What the routes of operators need of the API around them. */
export interface OperateTools {
  readonly registry: Pick<Registry, "cordon" | "uncordon">;
  readonly snapshot: () => Snapshot | undefined;
  /** How long this machine's engine still holds because too many machines vanished at once, ms; undefined: it does not. */
  readonly holding: () => number | undefined;
  /** Wall-clock time, ms. */
  readonly now: () => number;
  /** Resolves when the answers show this revision. */
  readonly written: (revision: bigint) => Promise<void>;
  readonly fail: (c: Context, status: 404 | 405, message: string) => Response;
}

/**
 * Ours, beyond fleet's API v1:
 *
 *     GET          /cordons                  {"cordons":[{"machineID","since"}]}
 *     PUT, DELETE  /cordons/MACHINE          drain a machine; let it take units again
 *     GET          /units/UNIT/explanation   why the unit is where it is
 */
export function operatorRoutes(v1: Hono, tools: OperateTools): void {
  const { fail, registry, snapshot } = tools;
  v1.get("/cordons", (c) => c.json({ cordons: cordonsOf(snapshot()) }));
  v1.all("/cordons", (c) => fail(c, 405, "only GET supported against this resource"));
  v1.put("/cordons/:machine", async (c) => {
    const machineID = c.req.param("machine");
    if (snapshot()?.machines.has(machineID) !== true) return fail(c, 404, "machine does not exist");
    await tools.written(await registry.cordon({ machineID, since: tools.now() }, c.req.raw.signal));
    return c.body(null, 204);
  });
  v1.delete("/cordons/:machine", async (c) => {
    const revision = await registry.uncordon(c.req.param("machine"), c.req.raw.signal);
    if (revision === undefined) return fail(c, 404, "machine is not cordoned");
    await tools.written(revision);
    return c.body(null, 204);
  });
  v1.all("/cordons/:machine", (c) => fail(c, 405, "only PUT and DELETE supported against this resource"));
  v1.get("/units/:name/explanation", (c) => {
    const now = snapshot();
    const explanation = now && explainUnit(now, c.req.param("name"));
    if (explanation === undefined) return fail(c, 404, "unit does not exist");
    const holding = tools.holding();
    return c.json({ ...explanation, ...(holding === undefined ? {} : { holdingFor: holding }) });
  });
  v1.all("/units/:name/explanation", (c) => fail(c, 405, "only GET supported against this resource"));
}

function cordonsOf(snapshot: Snapshot | undefined): Cordon[] {
  const cordons = [...(snapshot?.cordons.values() ?? [])];
  return cordons.toSorted((a, b) => (a.machineID < b.machineID ? -1 : 1));
}
