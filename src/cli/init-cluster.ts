import { stat } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../foundation/errors.ts";
import { writeAtomically } from "../foundation/files.ts";
import { makeFolder, ownedBy } from "../lifecycle/state/owner.ts";
import { scaffold } from "../spec/scaffold.ts";
import type { Context } from "./context.ts";
import { firstScenarios } from "./first-scenarios.ts";

/** Writes a new cluster's files. Gives its folder. @throws E_USAGE, E_STATE_CONFLICT when there is one already */
export async function initCluster(context: Context, name: string): Promise<string> {
  if (!/^[a-z][a-z0-9-]{0,30}$/.test(name)) {
    throw new AppError("E_USAGE", `"${name}" is no name for a cluster`, {
      hint: "use lower-case letters, digits and hyphens, a letter first, at most 31",
    });
  }
  const dir = join(context.io.cwd, "clusters", name);
  if (await exists(join(dir, "cluster.yaml"))) {
    throw new AppError("E_STATE_CONFLICT", `there is a cluster in ${dir} already`, {
      hint: `bring it up with 'cluster up --cluster ${name}', or choose another name`,
    });
  }
  const { owner } = await context.world();
  const files = scaffold(name, firstScenarios);
  const ignored = { path: ".gitignore", content: ".state/\nvagrant/\n" };
  await makeFolder(join(context.io.cwd, "clusters"), 0o755, owner);
  for (const { path, content } of [...files, ignored]) {
    const target = join(dir, path);
    await makeFolder(join(target, ".."), 0o755, owner);
    await writeAtomically(target, content, { mode: 0o644, ...ownedBy(owner) });
  }
  return dir;
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
