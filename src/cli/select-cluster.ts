import { readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { AppError } from "../foundation/errors.ts";

export interface ClusterWish {
  /** From `--cluster`, else from $CLUSTER. */
  readonly asked: string | undefined;
  readonly cwd: string;
}

/**
 * The folder of the cluster that is meant: NAME under ./clusters/ or a folder, when asked for; else `./cluster.yaml`, else
 * the only one under `./clusters/`, else `./clusters/demo`.
 * @throws E_CONFIG_MISSING saying where it was looked for
 */
export async function selectCluster({ asked, cwd }: ClusterWish): Promise<string> {
  const candidates = asked === undefined ? await usualPlaces(cwd) : askedPlaces(asked, cwd);
  for (const dir of candidates) {
    if (await isCluster(dir)) return dir;
  }
  const name = asked === undefined || asked.includes("/") ? "demo" : asked;
  throw new AppError(
    "E_CONFIG_MISSING",
    asked === undefined ? "there is no cluster.yaml here" : `there is no cluster ${asked}`,
    {
      details: candidates.map((dir) => `looked for ${join(dir, "cluster.yaml")}`),
      hint: `make one with 'cluster init ${name}', or name one with --cluster`,
    },
  );
}

function askedPlaces(asked: string, cwd: string): readonly string[] {
  const folder = resolve(cwd, asked.endsWith("/cluster.yaml") ? join(asked, "..") : asked);
  // A bare word is a name first; something with a slash can only be a folder.
  return /^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(asked) ? [join(cwd, "clusters", asked), folder] : [folder];
}

async function usualPlaces(cwd: string): Promise<readonly string[]> {
  const clusters = join(cwd, "clusters");
  const names = await readdir(clusters).catch(() => []);
  const found: string[] = [];
  for (const name of names) if (await isCluster(join(clusters, name))) found.push(join(clusters, name));
  const only = found.length === 1 ? found : [];
  return [cwd, ...only, join(clusters, "demo")];
}

/** A cluster whose cluster.yaml was removed can still be found by its state, so that it can be destroyed. */
async function isCluster(dir: string): Promise<boolean> {
  return (await exists(join(dir, "cluster.yaml"))) || (await exists(join(dir, ".state", "state.json")));
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
