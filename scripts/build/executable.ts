import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, copyFile, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as esbuild from "esbuild";
import { hostExec, mustRun } from "../../src/foundation/exec.ts";
import { withoutNativeAddons } from "./esbuild-plugins.ts";

/** Where Node looks for the blob; a constant of Node's. */
const fuse = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";

/** By which fleetd gives memory back. V8 takes a code cache only from a Node that ran with the same flags. */
const flags = ["--expose-gc"];

/** Builds dist/node/flotilla-node when its bundle or its Node changed; returns what was done, in one line. */
export async function buildExecutable(root: string): Promise<string> {
  const folder = join(root, "dist/node");
  const target = join(folder, "flotilla-node");
  await mkdir(folder, { recursive: true });
  const node = join(root, `node_modules/node-linux-${process.arch}/bin/node`);
  const bundle = await bundleNode(root);
  const stamp = createHash("sha256")
    .update(bundle)
    .update(await readFile(node))
    .update(await readFile(new URL(import.meta.url)))
    .digest("hex");
  const stampFile = join(folder, "flotilla-node.stamp");
  if (existsSync(target) && (await readOrEmpty(stampFile)) === (await withTime(stamp, target))) {
    return `dist/node/flotilla-node is current`;
  }
  await assemble(folder, { node, bundle, target });
  await writeFile(stampFile, await withTime(stamp, target));
  const bytes = (await stat(target)).size;
  return `dist/node/flotilla-node (${(bytes / 1e6).toFixed(0)} MB, bundle ${(bundle.length / 1e6).toFixed(1)} MB)`;
}

/** CommonJS, because that is what an executable of Node 24 can hold with a code cache. */
async function bundleNode(root: string): Promise<Uint8Array> {
  const result = await esbuild.build({
    entryPoints: [join(root, "src/bin/node.ts")],
    bundle: true,
    write: false,
    format: "cjs",
    platform: "node",
    target: "node24",
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: "none",
    loader: { ".hbs": "text", ".service": "text", ".conf": "text" },
    plugins: [withoutNativeAddons()],
    // There is no file beside an executable: whatever asks for its own place would fail on the node only.
    logOverride: { "empty-import-meta": "error" },
    logLevel: "warning",
  });
  const [output] = result.outputFiles;
  if (output === undefined) throw new Error("esbuild gave no output for src/bin/node.ts");
  return output.contents;
}

interface Parts {
  readonly node: string;
  readonly bundle: Uint8Array;
  readonly target: string;
}

async function assemble(folder: string, { node, bundle, target }: Parts): Promise<void> {
  const exec = hostExec();
  const work = await mkdtemp(join(folder, ".making-"));
  try {
    const [main, blob, executable] = ["main.cjs", "sea.blob", "flotilla-node"].map((name) =>
      join(work, name),
    );
    if (main === undefined || blob === undefined || executable === undefined) throw new Error("unreachable");
    await writeFile(main, bundle);
    const config = {
      main,
      output: blob,
      useCodeCache: true,
      disableExperimentalSEAWarning: true,
      execArgvExtension: "none",
      execArgv: flags,
    };
    await writeFile(join(work, "sea.json"), JSON.stringify(config));
    await mustRun(exec, { argv: [node, ...flags, "--experimental-sea-config", join(work, "sea.json")] });
    await copyFile(node, executable);
    await chmod(executable, 0o755);
    // Before the injection, never after: a stripped executable with a blob crashes.
    const stripped = await exec.run({ argv: ["strip", executable] });
    if (stripped.code !== 0 && !stripped.missing) throw new Error(`strip failed: ${stripped.stderr}`);
    const postject = new URL("../../node_modules/postject/dist/cli.js", import.meta.url).pathname;
    await mustRun(exec, {
      argv: [node, postject, executable, "NODE_SEA_BLOB", blob, "--sentinel-fuse", fuse],
    });
    await rename(executable, target);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Of two builds at once one may leave its stamp and the other its executable: the time tells them apart. */
async function withTime(stamp: string, target: string): Promise<string> {
  return `${stamp} ${(await stat(target)).mtimeMs}`;
}

async function readOrEmpty(path: string): Promise<string> {
  return existsSync(path) ? await readFile(path, "utf8") : "";
}
