import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import * as esbuild from "esbuild";

/** Bundles what users import in their own tests, for the oldest Node that we support, with its types. */
export async function buildLibrary(root: string): Promise<string> {
  await esbuild.build({
    entryPoints: [join(root, "src/bin/failover.ts")],
    outfile: join(root, "dist/failover.js"),
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    logLevel: "warning",
  });
  await promisify(execFile)(process.execPath, [
    join(root, "node_modules/typescript/bin/tsc"),
    "--project",
    join(root, "scripts/build/library.tsconfig.json"),
    "--outDir",
    join(root, "dist/types"),
  ]);
  return "dist/failover.js dist/types/";
}
