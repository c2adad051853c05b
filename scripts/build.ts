/**
 * npm run build: everything in dist/.
 *
 *   dist/{cluster,fleetctl,fleetd}.js   launchers that any Node can read, over dist/host/ (ES modules, split, lazily loaded)
 *   dist/failover.js, dist/types/       `flotilla/failover`, for users' own tests
 *   dist/node/flotilla-node             the one executable of a node, with Node inside: for Linux, whatever builds it
 *   dist/node/layer/, layer.hash        what lies over the Debian image of a node, and the hash of all of it; on Linux
 */
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { showError } from "../src/cli/show/error.ts";
import { isAppError, messageOf } from "../src/foundation/errors.ts";
import { buildExecutable } from "./build/executable.ts";
import { buildHost } from "./build/host.ts";
import { buildLibrary } from "./build/library.ts";
import { buildLayer } from "./build/layer.ts";

const root = resolve(fileURLToPath(new URL("..", import.meta.url)));

async function step(name: string, work: () => Promise<string>): Promise<void> {
  const start = performance.now();
  const said = await work();
  process.stdout.write(`${name.padEnd(12)} ${((performance.now() - start) / 1000).toFixed(2)} s  ${said}\n`);
}

try {
  await step("host", async () => await buildHost(root));
  await step("library", async () => await buildLibrary(root));
  const { platform, arch } = process;
  const node = { path: process.execPath, version: process.versions.node };
  const build = { host: { platform, arch, node }, folder: join(root, "dist/node") };
  await step("executable", async () => await buildExecutable(root, build));
  if (platform === "linux") await step("node layer", async () => await buildLayer(root));
  else
    process.stdout.write("node layer   left out: it is for nspawn and for our Debian box, both of Linux\n");
} catch (error) {
  // esbuild has already shown the places; a stack of ours would hide them.
  const failed = `build failed: ${messageOf(error).split("\n")[0] ?? ""}\n`;
  process.stderr.write(isAppError(error) ? showError(error) : failed);
  process.exitCode = 1;
}
