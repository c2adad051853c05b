import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { mustRun } from "../../foundation/exec.ts";
import { writeAtomically } from "../../foundation/files.ts";
import type { World } from "../../lifecycle/cluster.ts";
import { ownedBy } from "../../lifecycle/state/owner.ts";

export interface ArchiveFile {
  /** With slashes. */
  readonly name: string;
  readonly text: string;
}

export interface Archive {
  /** Where it is written; absolute. */
  readonly path: string;
  /** The folder that it unpacks to. */
  readonly folder: string;
  readonly files: readonly ArchiveFile[];
}

/** Writes a .tar.gz that only its owner can read, and gives its size in bytes. @throws E_HOST_LACKS without tar, E_DISK_FULL */
export async function writeArchive(world: World, { path, folder, files }: Archive): Promise<number> {
  const work = await mkdtemp(join(tmpdir(), "flotilla-collect-"));
  try {
    for (const { name, text } of files) {
      const file = join(work, folder, ...name.split("/"));
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      await writeFile(file, text, { mode: 0o600 });
    }
    // A bare name: some kinds of tar take what stands before a colon, as in C:\, for another host.
    const argv = ["tar", "-czf", "bundle.tar.gz", folder] as const;
    await mustRun(world.exec, { argv: [...argv], cwd: work, signal: world.signal });
    const bundle = await readFile(join(work, "bundle.tar.gz"));
    await writeAtomically(path, bundle, { mode: 0o600, ...ownedBy(world.owner) });
    return bundle.length;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
