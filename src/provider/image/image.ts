import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, readdir, rename, rm, stat, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../../foundation/errors.ts";
import type { Exec } from "../../foundation/exec.ts";
import { lastLines, mustRun } from "../../foundation/exec.ts";
import { foldersOf } from "../../foundation/files.ts";
import type { Report } from "../provider.ts";

/** The Debian below every node: built once from a recipe, then used without any network. */
export interface ImageOptions {
  readonly exec: Exec;
  /** Holds packages.txt and customize.sh, and for machines what is added to them. */
  readonly recipeDir: string;
  /** `container` by default; `machine` adds a kernel and what a disk of its own needs. */
  readonly kind?: ImageKind;
  /** `~/.cache/flotilla` */
  readonly cacheDir: string;
  /** Where Debian's packages come from; the security archive is its sibling `-security`. */
  readonly mirror?: string;
}

export type ImageKind = "container" | "machine";

export interface Image {
  /** Of everything that decides the content. */
  readonly hash: string;
  /** The root directory: the lowest layer of a node's disk. Never written to. */
  readonly path: string;
}

export interface CachedImage extends Image {
  /** Whether a new node would get it. */
  readonly current: boolean;
  /** Whether a node of any cluster still stands on it. */
  readonly inUse: boolean;
  /** Wall-clock ms. */
  readonly built: number;
}

const defaultMirror = "http://deb.debian.org/debian";
const suite = "bookworm";
/** The recipe's files, by what is made from them. */
const recipes: Readonly<
  Record<ImageKind, { readonly packages: readonly string[]; readonly scripts: readonly string[] }>
> = {
  container: { packages: ["packages.txt"], scripts: ["customize.sh"] },
  machine: {
    packages: ["packages.txt", "machine-packages.txt"],
    scripts: ["customize.sh", "machine-customize.sh"],
  },
};
/** Room that a build needs, bytes. */
const buildRoom = 1_200_000_000;

/**
 * So that a build never outlives us, however we end: when we die, `unshare` is killed, with it the first process of the
 * new process namespace, and with that one all others; what they mounted was in a mount namespace of their own.
 */
const isolated = [
  "setpriv",
  "--pdeathsig",
  "KILL",
  "--",
  "unshare",
  "--mount",
  "--propagation",
  "private",
  "--pid",
  "--fork",
  "--kill-child",
  "--mount-proc",
  "--",
] as const;
const bootstrapper = ["mmdebstrap", "--mode=root", "--variant=apt", "--format=directory"] as const;
const aptAndDpkg = [
  "--dpkgopt=force-unsafe-io",
  "--dpkgopt=path-exclude=/usr/share/man/*",
  "--dpkgopt=path-exclude=/usr/share/doc/*",
  "--dpkgopt=path-exclude=/usr/share/locale/*",
  '--aptopt=Acquire::Languages "none"',
  "--aptopt=Acquire::Retries 3",
];

/** The image of the recipe as it is now, or undefined when it has not been built. */
export async function findImage(options: Omit<ImageOptions, "exec">): Promise<Image | undefined> {
  const image = await imageOf(options);
  return existsSync(image.path) ? image : undefined;
}

/**
 * The image of the recipe as it is now, built if need be (about 40 s and 150 MB of download).
 * @throws E_COMMAND_FAILED with mmdebstrap's last words, E_DISK_FULL, E_HOST_LACKS
 */
export async function buildImage(options: ImageOptions, report: Report, signal: AbortSignal): Promise<Image> {
  const found = await findImage(options);
  if (found !== undefined) return found;
  const image = await imageOf(options);
  const images = imagesDir(options.cacheDir);
  await mkdir(images, { recursive: true });
  await needRoom(images);
  await removeHalfBuilt(options.exec, images);
  report("building the node image from Debian's packages (about a minute, once)");
  const half = join(images, `.building-${process.pid}`);
  try {
    await mkdir(half);
    await bootstrap(options, join(half, "root"), signal);
    await writeFile(join(half, "image.json"), `${JSON.stringify({ version: 1, hash: image.hash, suite })}\n`);
    await rename(half, join(images, image.hash)).catch(async (error: unknown) => {
      // Another run may have built the same image meanwhile; theirs is as good as ours.
      if (!existsSync(image.path)) throw error;
    });
  } finally {
    await removeTree(options.exec, half);
  }
  return image;
}

/**
 * Every image in the cache, newest first.
 * @param used hashes of the images that some node stands on
 */
export async function listImages(
  options: Omit<ImageOptions, "exec">,
  used: ReadonlySet<string>,
): Promise<readonly CachedImage[]> {
  const newest = await currentHashes(options);
  const images = imagesDir(options.cacheDir);
  const found = (await foldersOf(images)).filter((name) => !name.startsWith("."));
  const listed = await Promise.all(
    found.map(async (hash) => ({
      hash,
      path: rootOf(options.cacheDir, hash),
      current: newest.has(hash),
      inUse: used.has(hash),
      built: (await stat(join(images, hash))).mtimeMs,
    })),
  );
  return listed.toSorted((a, b) => b.built - a.built);
}

/** Removes images that are neither current nor used, and what killed builds left; returns the hashes. */
export async function pruneImages(
  options: ImageOptions,
  used: ReadonlySet<string>,
): Promise<readonly string[]> {
  const old = (await listImages(options, used)).filter((image) => !image.current && !image.inUse);
  for (const image of old) await removeTree(options.exec, join(image.path, ".."));
  await removeHalfBuilt(options.exec, imagesDir(options.cacheDir));
  return old.map(({ hash }) => hash);
}

/** The hash of the recipe as it is now, built or not. */
export async function imageHash(options: Omit<ImageOptions, "exec">): Promise<string> {
  return (await imageOf(options)).hash;
}

/** Where the image of that hash lies, whether it exists or not. */
export function rootOf(cacheDir: string, hash: string): string {
  return join(imagesDir(cacheDir), hash, "root");
}

async function imageOf({ recipeDir, cacheDir, mirror, kind }: Omit<ImageOptions, "exec">): Promise<Image> {
  const { packages, scripts } = await readRecipe(recipeDir, kind ?? "container");
  const texts = await Promise.all(scripts.map((path) => readFile(path, "utf8")));
  const parts = [suite, process.arch, mirror ?? defaultMirror, ...aptAndDpkg, ...packages, ...texts];
  const hash = createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
  return { hash, path: rootOf(cacheDir, hash) };
}

/** What the recipes that are there give now. */
async function currentHashes(options: Omit<ImageOptions, "exec">): Promise<ReadonlySet<string>> {
  const kinds = (Object.keys(recipes) as ImageKind[]).filter((kind) =>
    [...recipes[kind].packages, ...recipes[kind].scripts].every((file) =>
      existsSync(join(options.recipeDir, file)),
    ),
  );
  const images = await Promise.all(kinds.map((kind) => imageOf({ ...options, kind })));
  return new Set(images.map(({ hash }) => hash));
}

async function readRecipe(
  dir: string,
  kind: ImageKind,
): Promise<{ readonly packages: readonly string[]; readonly scripts: readonly string[] }> {
  const recipe = recipes[kind];
  const lists = await Promise.all(recipe.packages.map((file) => readFile(join(dir, file), "utf8")));
  const names = lists.flatMap((text) => text.split("\n").map((line) => line.replace(/#.*/, "").trim()));
  return {
    packages: names.filter((name) => name !== "").toSorted(),
    scripts: recipe.scripts.map((file) => join(dir, file)),
  };
}

async function bootstrap(options: ImageOptions, target: string, signal: AbortSignal): Promise<void> {
  const mirror = options.mirror ?? defaultMirror;
  const sources = [
    `deb ${mirror} ${suite} main`,
    `deb ${mirror} ${suite}-updates main`,
    `deb ${mirror}-security ${suite}-security main`,
  ];
  const { packages, scripts } = await readRecipe(options.recipeDir, options.kind ?? "container");
  const result = await options.exec.run({
    argv: [
      ...isolated,
      ...bootstrapper,
      ...aptAndDpkg,
      `--include=${packages.join(",")}`,
      ...scripts.map((path) => `--customize-hook='${path.replaceAll("'", `'\\''`)}' "$1"`),
      suite,
      target,
      "-",
    ],
    input: `${sources.join("\n")}\n`,
    signal,
  });
  signal.throwIfAborted();
  if (result.code === 0) return;
  if (result.stderr.includes("No space left")) {
    throw new AppError("E_DISK_FULL", `no space left to build the node image in ${target}`, {
      hint: "free some space, then run the same command again",
    });
  }
  throw new AppError("E_COMMAND_FAILED", "the node image could not be built", {
    details: lastLines(result.stderr, 8),
    hint: `the first build downloads Debian's packages: check that ${mirror} can be reached, then run the same command again`,
  });
}

async function needRoom(dir: string): Promise<void> {
  const { bavail, bsize } = await statfs(dir);
  if (bavail * bsize >= buildRoom) return;
  throw new AppError("E_DISK_FULL", `${dir} has too little room for the node image`, {
    details: [`needed: 1.2 GB, free: ${((bavail * bsize) / 1e9).toFixed(1)} GB`],
    hint: "free some space, then run the same command again",
  });
}

/** Removes folders of builds whose process is gone. */
async function removeHalfBuilt(exec: Exec, images: string): Promise<void> {
  const names = existsSync(images) ? await readdir(images) : [];
  for (const name of names.filter((entry) => entry.startsWith(".building-"))) {
    if (!existsSync(`/proc/${name.slice(".building-".length)}`)) await removeTree(exec, join(images, name));
  }
}

/** Large trees with files of many owners: `rm` is faster than we are, and never leaves the file system. */
async function removeTree(exec: Exec, path: string): Promise<void> {
  if (!existsSync(path)) return;
  await mustRun(exec, { argv: ["rm", "-rf", "--one-file-system", path] });
  await rm(path, { recursive: true, force: true });
}

function imagesDir(cacheDir: string): string {
  return join(cacheDir, "images");
}
