import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { readIfExists, writeAtomically } from "../../foundation/files.ts";
import { readNodes } from "./record.ts";

/**
 * Which images and layers still carry a node. The cache is shared by all clusters of a user, so each cluster that has
 * nodes leaves the path of its state folder there; what is in use is read from those folders, never remembered.
 */
export interface Referenced {
  readonly images: ReadonlySet<string>;
  readonly layers: ReadonlySet<string>;
}

/** Notes that the cluster uses the cache. Idempotent. */
export async function refer(cacheDir: string, stateDir: string): Promise<void> {
  const file = fileOf(cacheDir, stateDir);
  if (!existsSync(file)) await writeAtomically(file, `${stateDir}\n`);
}

/** The cluster no longer uses the cache. Idempotent. */
export async function unrefer(cacheDir: string, stateDir: string): Promise<void> {
  await rm(fileOf(cacheDir, stateDir), { force: true });
}

/** Everything in the cache that some node stands on. */
export async function referenced(cacheDir: string): Promise<Referenced> {
  const dir = join(cacheDir, "clusters");
  const files = existsSync(dir) ? await readdir(dir) : [];
  const stateDirs = await Promise.all(files.map((file) => readIfExists(join(dir, file))));
  const nodes = await Promise.all(
    stateDirs.filter((text) => text !== undefined).map((text) => readNodes({ stateDir: text.trim() })),
  );
  const all = nodes.flat();
  return { images: new Set(all.map(({ image }) => image)), layers: new Set(all.map(({ layer }) => layer)) };
}

function fileOf(cacheDir: string, stateDir: string): string {
  return join(cacheDir, "clusters", createHash("sha256").update(stateDir).digest("hex").slice(0, 16));
}
