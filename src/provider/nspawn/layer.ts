import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { lstat, mkdir, readFile, readdir, readlink, rename } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../foundation/clock.ts";
import { AppError } from "../../foundation/errors.ts";
import type { Exec } from "../../foundation/exec.ts";
import { mustRun } from "../../foundation/exec.ts";
import { foldersOf } from "../../foundation/files.ts";
import { referenced } from "./references.ts";

/** The second read-only layer: our own programs and units. It is copied into the cache, so that a new build on the host
 * never changes a file below a running node. */
export interface Layer {
  readonly hash: string;
  readonly path: string;
}

/** ms */
const recent = 10 * 60_000;
/** Files above this size are told apart by size and time instead of content, bytes. */
const large = 1_000_000;

/**
 * Copies the layer into the cache unless that content is there already.
 * @throws E_HOST_LACKS when it has not been built
 */
export async function cacheLayer(exec: Exec, layerDir: string, cacheDir: string): Promise<Layer> {
  if (!existsSync(layerDir)) {
    throw new AppError("E_HOST_LACKS", `the nodes' own programs are not built: ${layerDir} does not exist`, {
      hint: "run 'npm run build'",
    });
  }
  const hash = await fingerprint(layerDir);
  const path = layerPath(cacheDir, hash);
  if (existsSync(path)) return { hash, path };
  const half = `${path}.${process.pid}.tmp`;
  await mkdir(join(cacheDir, "layers"), { recursive: true });
  await mustRun(exec, { argv: ["cp", "-a", "--reflink=auto", "--no-preserve=ownership", layerDir, half] });
  await rename(half, path).catch(async (error: unknown) => {
    if (!existsSync(path)) throw error;
    await mustRun(exec, { argv: ["rm", "-rf", half] });
  });
  return { hash, path };
}

export function layerPath(cacheDir: string, hash: string): string {
  return join(cacheDir, "layers", hash);
}

/**
 * Removes layers on which no node stands, but none that was used in the last minutes: another cluster may be about to put
 * its nodes on it. Returns their hashes.
 */
export async function pruneLayers(exec: Exec, clock: Clock, cacheDir: string): Promise<readonly string[]> {
  const used = (await referenced(cacheDir)).layers;
  const unused = (await foldersOf(join(cacheDir, "layers"))).filter((hash) => !used.has(hash));
  const old: string[] = [];
  for (const hash of unused) {
    const { ctimeMs } = await lstat(layerPath(cacheDir, hash));
    if (clock.now() - ctimeMs < recent) continue;
    await mustRun(exec, { argv: ["rm", "-rf", layerPath(cacheDir, hash)] });
    old.push(hash);
  }
  return old;
}

async function fingerprint(root: string): Promise<string> {
  const hash = createHash("sha256");
  const names = (await readdir(root, { recursive: true })).toSorted();
  for (const name of names) {
    const path = join(root, name);
    const info = await lstat(path);
    hash.update(`${name}\0${info.mode.toString(8)}\0`);
    if (info.isSymbolicLink()) hash.update(await readlink(path));
    else if (info.isFile() && info.size < large) hash.update(await readFile(path));
    else if (info.isFile()) hash.update(`${info.size} ${info.mtimeMs}`);
  }
  return hash.digest("hex").slice(0, 16);
}
