import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import {
  chmod,
  copyFile,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join, relative } from "node:path";

/** templates/node/layer.json: what plain files cannot say. */
interface LayerPlan {
  /** Permission bits in octal for paths that are neither 0644 nor, as programs, 0755. */
  readonly modes: Readonly<Record<string, string>>;
  /** Path in the layer → where the symbolic link points. */
  readonly links: Readonly<Record<string, string>>;
}

/** Builds dist/node/layer/ and layer.hash; leaves both alone when nothing changed. Returns one line about it. */
export async function buildLayer(root: string): Promise<string> {
  const folder = join(root, "dist/node");
  const layer = join(folder, "layer");
  const work = await mkdtemp(join(folder, ".layer-"));
  try {
    await assemble(root, work);
    const hash = await hashTree(work);
    const hashFile = join(folder, "layer.hash");
    const old = existsSync(hashFile) ? (await readFile(hashFile, "utf8")).trim() : "";
    if (existsSync(layer) && old === hash) return `dist/node/layer is current (${hash.slice(0, 12)})`;
    await rm(hashFile, { force: true });
    if (existsSync(layer)) await rename(layer, join(work, "..", `.layer-old-${process.pid}`));
    await rename(work, layer);
    await writeFile(hashFile, `${hash}\n`);
    await rm(join(folder, `.layer-old-${process.pid}`), { recursive: true, force: true });
    return `dist/node/layer (${hash.slice(0, 12)})`;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function assemble(root: string, work: string): Promise<void> {
  const rootfs = join(root, "templates/node/rootfs");
  const plan = JSON.parse(await readFile(join(root, "templates/node/layer.json"), "utf8")) as LayerPlan;
  await chmod(work, 0o755);
  for (const path of await filesBelow(rootfs)) {
    const target = join(work, path);
    await makeFolder(work, dirname(path));
    await copyFile(join(rootfs, path), target);
    const program = ((await lstat(target)).mode & 0o100) !== 0;
    await chmod(target, Number.parseInt(plan.modes[path] ?? (program ? "755" : "644"), 8));
  }
  await makeFolder(work, "opt/bin");
  await link(join(root, "dist/node/flotilla-node"), join(work, "opt/bin/flotilla-node"));
  for (const [path, target] of Object.entries(plan.links)) {
    await makeFolder(work, dirname(path));
    await symlink(target, join(work, path));
  }
}

/** mkdir obeys the umask of whoever builds; the layer must not. */
async function makeFolder(work: string, path: string): Promise<void> {
  let here = work;
  for (const part of path.split("/")) {
    here = join(here, part);
    await mkdir(here, { recursive: true });
    await chmod(here, 0o755);
  }
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .toSorted();
}

/** One hash over every path with its kind, permission bits and content. */
async function hashTree(folder: string): Promise<string> {
  const hash = createHash("sha256");
  for (const path of await filesBelow(folder)) {
    const full = join(folder, path);
    const { mode } = await lstat(full);
    const isLink = (mode & 0o170000) === 0o120000;
    const content = isLink ? await readlink(full) : await readFile(full);
    const digest = createHash("sha256").update(content).digest("hex");
    hash.update(`${isLink ? "link" : (mode & 0o7777).toString(8)} ${digest} ${path}\n`);
  }
  return hash.digest("hex");
}
