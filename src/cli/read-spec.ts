import { join, relative } from "node:path";
import { AppError } from "../foundation/errors.ts";
import { readIfExists } from "../foundation/files.ts";
import type { Emit } from "../lifecycle/events.ts";
import { loadSpec, type LoadedSpec } from "../spec/load.ts";
import type { ClusterSpec } from "../spec/model.ts";
import { showProblem, specError } from "../spec/problem.ts";

/** Reads the cluster.yaml in a folder. @throws E_CONFIG_MISSING, E_CONFIG_INVALID with every problem */
export async function readSpec(dir: string, emit: Emit): Promise<ClusterSpec> {
  const loaded = await loadFrom(dir);
  for (const warning of loaded.warnings) emit({ kind: "warning", message: showProblem(warning) });
  if (loaded.ok) return loaded.spec;
  throw specError(loaded.problems);
}

/** The same, with the problems as a value. `cwd` only shortens the path that is shown. */
export async function loadFrom(dir: string, cwd?: string): Promise<LoadedSpec> {
  const path = join(dir, "cluster.yaml");
  const text = await readIfExists(path);
  if (text === undefined) {
    throw new AppError("E_CONFIG_MISSING", `there is no ${path}`, {
      hint: "make one with 'cluster init NAME'",
    });
  }
  return loadSpec(text, cwd === undefined ? path : shorter(relative(cwd, path), path));
}

function shorter(a: string, b: string): string {
  return a.length < b.length ? a : b;
}
