import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * The path of a Node 24 (or newer) executable: the one that runs us, else the one among our dependencies.
 * Ends the process with a clear message when there is none.
 * @returns {string}
 */
export function findNode24() {
  if (Number(process.versions.node.split(".")[0]) >= 24) return process.execPath;
  const pinned = fileURLToPath(
    new URL(`../node_modules/node-${process.platform}-${process.arch}/bin/node`, import.meta.url),
  );
  if (existsSync(pinned)) return pinned;
  process.stderr.write(
    `flotilla needs Node 24 or newer; this is ${process.version} and no pinned Node is installed.\n` +
      `  Run 'npm ci' (Linux), or install Node 24 from https://nodejs.org.\n`,
  );
  process.exit(4);
}
