import { join, resolve } from "node:path";
import { parseDocument } from "yaml";
import { AppError } from "../../foundation/errors.ts";
import { readIfExists } from "../../foundation/files.ts";
import type { Context } from "../context.ts";
import { writeArchive } from "./archive.ts";
import { lookAround } from "./facts.ts";
import { gather } from "./gather.ts";
import { planCollection, type Missing } from "./plan.ts";
import { clusterRedactor } from "./secrets.ts";
import { showBundle, showPlan } from "./show.ts";

export interface CollectOptions {
  /** Where the bundle is written; relative to the working directory. */
  readonly out: string | undefined;
  readonly dryRun: boolean;
}

/** What one file of a bundle is, as its manifest and --json tell it. */
export interface Entry {
  readonly name: string;
  readonly reason: string;
  readonly bytes: number;
}

export interface Bundle {
  readonly path: string;
  readonly bytes: number;
  readonly files: readonly Entry[];
  readonly missing: readonly Missing[];
}

/**
 * Writes all that helps to understand a trouble into one archive, without secrets, and tells what is in it.
 * @throws E_CONFIG_MISSING where there is no cluster.yaml
 */
export async function collect(context: Context, options: CollectOptions): Promise<void> {
  const dir = await context.clusterDir();
  const yaml = await readIfExists(join(dir, "cluster.yaml"));
  if (yaml === undefined) {
    throw new AppError("E_CONFIG_MISSING", `there is no ${join(dir, "cluster.yaml")}`, {
      hint: "put it back, or remove what is left of the cluster with 'cluster destroy'",
    });
  }
  const world = await context.world();
  const { cluster, facts } = await lookAround(world, dir);
  const made = new Date(world.clock.now());
  const folder = `flotilla-${nameForFile(cluster?.state.name ?? nameIn(yaml))}-${stampOf(made)}`;
  const path = resolve(context.io.cwd, options.out ?? `${folder}.tar.gz`);
  const plan = planCollection(facts);
  const redact = await clusterRedactor({ dir, yaml, environment: context.io.env });
  const missing = plan.missing.map(({ what, why }) => ({ what, why: redact(why) }));
  if (options.dryRun) {
    const items = plan.items.map(({ name, reason }) => ({ name, reason }));
    return context.result(showPlan(path, items, missing), { v: 1, path, items, missing });
  }
  const harvest = await gather({ context, world, dir, yaml, cluster, redact }, plan.items);
  const files = harvest.files.map(({ item, text }) => ({ name: item.name, reason: item.reason, text }));
  const contents = {
    files: files.map(({ name, reason, text }): Entry => ({ name, reason, bytes: Buffer.byteLength(text) })),
    missing: [...missing, ...harvest.missing],
  };
  const manifest = `${JSON.stringify({ v: 1, made: made.toISOString(), ...contents }, null, 2)}\n`;
  const all = [{ name: "manifest.json", text: manifest }, ...files];
  const bytes = await writeArchive(world, { path, folder, files: all });
  const bundle: Bundle = { path, bytes, ...contents };
  context.result(showBundle(bundle), { v: 1, ...bundle });
}

/** `20261122-085250`, in UTC. */
function stampOf(date: Date): string {
  return date
    .toISOString()
    .replaceAll(/[-:]|\..*/g, "")
    .replace("T", "-");
}

function nameIn(yaml: string): unknown {
  return parseDocument(yaml, { prettyErrors: false }).get("name");
}

/** The cluster's name, if it is one that is allowed: it may come from a file that is damaged. */
function nameForFile(name: unknown): string {
  return typeof name === "string" && /^[a-z0-9][a-z0-9-]{0,62}$/i.test(name) ? name : "cluster";
}
