import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { AppError, isAppError } from "../../src/foundation/errors.ts";
import { mustRun } from "../../src/foundation/exec.ts";
import type { Exec } from "../../src/foundation/exec.ts";
import type { ExecutablePlan, NodeFetch, PinnedNode } from "./executable-plan.ts";

export interface NodePlaces {
  /** Where npm installs. */
  readonly modules: string;
  /** Where a Node that was fetched is kept. */
  readonly cache: string;
}

/**
 * The path of the Linux Node that the executable carries: the one that npm installed, else one that an earlier build
 * fetched, else it is fetched now and kept.
 * @throws E_COMMAND_FAILED when npm cannot fetch it, E_CHECK_FAILED when it is not what package-lock.json names
 */
export async function carriedNode(
  { node, fetch }: Pick<ExecutablePlan, "node" | "fetch">,
  { modules, cache }: NodePlaces,
  exec: Exec,
): Promise<string> {
  const installed = join(modules, node.name, "bin", "node");
  if (existsSync(installed)) return installed;
  const kept = join(cache, `${node.name}-${node.version}`);
  if (existsSync(kept)) return kept;
  const work = await mkdtemp(join(cache, ".fetching-"));
  try {
    await pack(node, fetch, { work, exec });
    await verify(node, join(work, fetch.archive));
    await mustRun(exec, { argv: fetch.unpack, cwd: work });
    await rename(join(work, fetch.binary), kept);
    return kept;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

interface Place {
  readonly work: string;
  readonly exec: Exec;
}

async function pack(node: PinnedNode, { pack }: NodeFetch, { work, exec }: Place): Promise<void> {
  try {
    await mustRun(exec, { argv: pack, cwd: work });
  } catch (error) {
    if (!isAppError(error, "E_COMMAND_FAILED")) throw error;
    throw new AppError("E_COMMAND_FAILED", `npm could not fetch ${node.name}@${node.version}`, {
      details: error.details,
      hint: "it is needed once, from npm's registry: see 'npm config get registry' and 'npm config get https-proxy'",
      cause: error,
    });
  }
}

async function verify(node: PinnedNode, archive: string): Promise<void> {
  const hash = createHash("sha512")
    .update(await readFile(archive))
    .digest("base64");
  if (node.integrity === `sha512-${hash}`) return;
  throw new AppError(
    "E_CHECK_FAILED",
    `${node.name}@${node.version} is not the one that package-lock.json names`,
    {
      details: [`expected ${node.integrity}`, `fetched  sha512-${hash}`],
      hint: "nothing of it was kept; ask who runs the registry ('npm config get registry')",
    },
  );
}
