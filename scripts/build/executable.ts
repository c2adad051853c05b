import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, copyFile, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { hostExec, mustRun } from "../../src/foundation/exec.ts";
import type { Exec } from "../../src/foundation/exec.ts";
import { carriedNode } from "./carried-node.ts";
import { withoutNativeAddons } from "./esbuild-plugins.ts";
import { planExecutable } from "./executable-plan.ts";
import type { BuildHost, ExecutablePlan, Lock } from "./executable-plan.ts";

/** Where Node looks for the blob; a constant of Node's. */
const fuse = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";

/** By which fleetd gives memory back. V8 takes a code cache only from a Node that ran with the same flags. */
const flags = ["--expose-gc"];

export interface Build {
  readonly host: BuildHost;
  /** Where the executable and what belongs to it goes. */
  readonly folder: string;
}

/**
 * Builds `flotilla-node`, which runs on Linux, when its bundle, its Node or the way to make it changed; returns what was
 * done, in one line.
 * @throws what `planExecutable` and `carriedNode` throw
 */
export async function buildExecutable(root: string, { host, folder }: Build): Promise<string> {
  const exec = hostExec();
  const plan = planExecutable(
    host,
    JSON.parse(await readFile(join(root, "package-lock.json"), "utf8")) as Lock,
  );
  const target = join(folder, "flotilla-node");
  await mkdir(folder, { recursive: true });
  const node = await carriedNode(plan, { modules: join(root, "node_modules"), cache: folder }, exec);
  const bundle = await bundleNode(root);
  const stamp = createHash("sha256")
    .update(bundle)
    .update(await readFile(node))
    .update(await readFile(new URL(import.meta.url)))
    .update(JSON.stringify(plan))
    .digest("hex");
  const stampFile = join(folder, "flotilla-node.stamp");
  if (existsSync(target) && (await readOrEmpty(stampFile)) === (await withTime(stamp, target))) {
    return `dist/node/flotilla-node is current (${plan.summary})`;
  }
  const maker = plan.maker === "carried" ? node : host.node.path;
  await assemble(exec, plan, { folder, node, maker, bundle, target });
  await writeFile(stampFile, await withTime(stamp, target));
  const bytes = (await stat(target)).size;
  const sizes = `${(bytes / 1e6).toFixed(0)} MB, bundle ${(bundle.length / 1e6).toFixed(1)} MB`;
  return `dist/node/flotilla-node (${sizes}, ${plan.summary})`;
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
  readonly folder: string;
  readonly node: string;
  readonly maker: string;
  readonly bundle: Uint8Array;
  readonly target: string;
}

async function assemble(exec: Exec, plan: ExecutablePlan, parts: Parts): Promise<void> {
  const work = await mkdtemp(join(parts.folder, ".making-"));
  try {
    const [blob, executable] = [join(work, "sea.blob"), join(work, "flotilla-node")];
    await makeBlob(exec, plan, { ...parts, work, blob });
    await copyFile(parts.node, executable);
    await chmod(executable, 0o755);
    // Before the injection, never after: a stripped executable with a blob crashes.
    if (plan.strip) await strip(exec, executable);
    const postject = fileURLToPath(new URL("../../node_modules/postject/dist/cli.js", import.meta.url));
    await mustRun(exec, {
      argv: [parts.maker, postject, executable, "NODE_SEA_BLOB", blob, "--sentinel-fuse", fuse],
    });
    await rename(executable, parts.target);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

interface BlobParts extends Pick<Parts, "maker" | "bundle"> {
  readonly work: string;
  readonly blob: string;
}

async function makeBlob(exec: Exec, plan: ExecutablePlan, parts: BlobParts): Promise<void> {
  const [main, settings] = [join(parts.work, "main.cjs"), join(parts.work, "sea.json")];
  await writeFile(main, parts.bundle);
  const config = {
    main,
    output: parts.blob,
    useCodeCache: plan.useCodeCache,
    disableExperimentalSEAWarning: true,
    execArgvExtension: "none",
    execArgv: flags,
  };
  await writeFile(settings, JSON.stringify(config));
  await mustRun(exec, { argv: [parts.maker, ...flags, "--experimental-sea-config", settings] });
}

async function strip(exec: Exec, executable: string): Promise<void> {
  const stripped = await exec.run({ argv: ["strip", executable] });
  if (stripped.code !== 0 && !stripped.missing) throw new Error(`strip failed: ${stripped.stderr}`);
}

/** Of two builds at once one may leave its stamp and the other its executable: the time tells them apart. */
async function withTime(stamp: string, target: string): Promise<string> {
  return `${stamp} ${(await stat(target)).mtimeMs}`;
}

async function readOrEmpty(path: string): Promise<string> {
  return existsSync(path) ? await readFile(path, "utf8") : "";
}
