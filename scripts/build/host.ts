import { chmod, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import * as esbuild from "esbuild";
import { keepingPlaces, withoutFetch, withoutNativeAddons } from "./esbuild-plugins.ts";

const programs = ["cluster", "fleetctl", "fleetd"] as const;

/** Dependencies that are CommonJS ask for `require` and `__dirname`; an ES module has neither. */
const banner = `import { createRequire as __createRequire } from "node:module";
const require = __createRequire(import.meta.url);
const __bundleFolder = import.meta.dirname;`;

/** Bundles the programs of the host; returns what was made, in one line. */
export async function buildHost(root: string): Promise<string> {
  const outdir = join(root, "dist/host");
  const present = programs.filter((name) => existsSync(join(root, `src/bin/${name}.ts`)));
  const result = await esbuild.build({
    entryPoints: present.map((name) => join(root, `src/bin/${name}.ts`)),
    outdir,
    // One flat folder: a chunk is as deep as its entry, so relative places stay true.
    chunkNames: "[name]-[hash]",
    entryNames: "[name]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    sourcemap: "linked",
    sourcesContent: false,
    banner: { js: banner },
    define: { __dirname: "__bundleFolder" },
    plugins: [withoutNativeAddons(), withoutFetch(), keepingPlaces(root, outdir)],
    loader: { ".hbs": "text" },
    metafile: true,
    logLevel: "warning",
  });
  for (const name of present) await writeLauncher(root, name);
  const outputs = Object.keys(result.metafile.outputs).map((path) => path.split("/").at(-1) ?? "");
  await removeOld(outdir, new Set(outputs));
  const bytes = Object.values(result.metafile.outputs).reduce((sum, { bytes }) => sum + bytes, 0);
  return `${present.map((name) => `dist/${name}.js`).join(" ")} (${(bytes / 1e6).toFixed(1)} MB with source maps)`;
}

async function writeLauncher(root: string, name: string): Promise<void> {
  const template = await readFile(join(root, "scripts/build/launcher.js"), "utf8");
  const path = join(root, `dist/${name}.js`);
  await writeFile(path, template.replace("@PROGRAM@", name));
  await chmod(path, 0o755);
}

/** Chunks of earlier builds go away, but not at once: a program that runs now may still want to load one. */
async function removeOld(outdir: string, current: ReadonlySet<string>): Promise<void> {
  const hourAgo = Date.now() - 3_600_000;
  for (const entry of await readdir(outdir, { withFileTypes: true })) {
    const path = join(outdir, entry.name);
    if (!entry.isFile() || current.has(entry.name)) continue;
    if ((await stat(path)).mtimeMs < hourAgo) await rm(path, { force: true });
  }
}
