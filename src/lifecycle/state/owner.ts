import { chown, mkdir } from "node:fs/promises";

/** Whom the files of a cluster belong to: under sudo the calling user, else undefined (whoever runs us). */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Makes a folder (and those above it) for the owner. The mode counts only when the folder is new. */
export async function makeFolder(path: string, mode: number, owner: Owner | undefined): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode });
  if (first !== undefined && owner !== undefined) await chown(path, owner.uid, owner.gid);
}

/** The part of WriteOptions that gives a file to the owner. */
export function ownedBy(owner: Owner | undefined): { readonly owner?: Owner } {
  return owner === undefined ? {} : { owner };
}
