import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Exec } from "../../foundation/exec.ts";
import { mustRun } from "../../foundation/exec.ts";
import type { Box } from "../image/box.ts";
import type { Report } from "../provider.ts";

const virsh = ["virsh", "--connect", "qemu:///system", "--quiet"] as const;
const pool = "default";

export interface BoxPlaces {
  /** Vagrant's own folder, where it is not `~/.vagrant.d`. */
  readonly vagrantHome: string | undefined;
}

/**
 * Has Vagrant unpack the box and puts its disk into libvirt's storage, as vagrant-libvirt itself would do for the first
 * machine: several machines that are made at the same time would each try.
 */
export async function installBox(
  exec: Exec,
  box: Box,
  places: BoxPlaces,
  { report, signal }: { readonly report: Report; readonly signal: AbortSignal },
): Promise<void> {
  const home = places.vagrantHome ?? join(homedir(), ".vagrant.d");
  const escaped = box.name.replaceAll("/", "-VAGRANTSLASH-");
  const folder = join(home, "boxes", escaped, box.version, box.kind);
  if (!existsSync(folder)) {
    report(`unpacking the box ${box.name} ${box.version}`);
    const add = ["vagrant", "--no-tty", "box", "add", "--provider", box.kind, box.metadata] as const;
    await mustRun(exec, { argv: [...add, "--force"], env: { VAGRANT_CHECKPOINT_DISABLE: "1" }, signal });
  }
  if (box.kind === "virtualbox") return;
  await ensurePool(exec, signal);
  const volume = `${escaped}_vagrant_box_image_${box.version}_box.img`;
  await fillVolume(exec, { volume, folder }, { report, signal });
}

/** Idempotent: what an earlier run left half-filled is thrown away. */
async function fillVolume(
  exec: Exec,
  { volume, folder }: { readonly volume: string; readonly folder: string },
  { report, signal }: { readonly report: Report; readonly signal: AbortSignal },
): Promise<void> {
  const image = join(folder, "box.img");
  // Lies there as long as the volume is being filled: half of a disk looks like a whole one.
  const unfinished = join(folder, "flotilla-copies-it");
  const discard = async (): Promise<void> => {
    await exec.run({ argv: [...virsh, "vol-delete", "--pool", pool, volume] });
    await rm(unfinished, { force: true });
  };
  if (existsSync(unfinished)) await discard();
  const there = await exec.run({ argv: [...virsh, "vol-info", "--pool", pool, volume], signal });
  if (there.code === 0) return;
  report("copying the box's disk into libvirt's storage");
  const size = await virtualSize(exec, image, signal);
  await writeFile(unfinished, "");
  const create = ["vol-create-as", pool, volume, String(size), "--allocation", "0", "--format", "qcow2"];
  const upload = [...virsh, "vol-upload", "--pool", pool, volume, image] as const;
  try {
    await mustRun(exec, { argv: [...virsh, ...create], signal });
    await mustRun(exec, { argv: [...upload], signal });
    await rm(unfinished, { force: true });
  } catch (error) {
    await discard();
    signal.throwIfAborted();
    throw error;
  }
}

async function ensurePool(exec: Exec, signal: AbortSignal): Promise<void> {
  const run = async (...args: string[]): Promise<boolean> =>
    (await exec.run({ argv: [...virsh, ...args], signal })).code === 0;
  if (!(await run("pool-info", pool))) {
    const folder = ["--type", "dir", "--target", "/var/lib/libvirt/images"];
    await mustRun(exec, { argv: [...virsh, "pool-define-as", pool, ...folder], signal });
    await run("pool-build", pool);
    await run("pool-autostart", pool);
  }
  const active = await mustRun(exec, { argv: [...virsh, "pool-list", "--name"], signal });
  if (active.split("\n").some((name) => name.trim() === pool)) return;
  await mustRun(exec, { argv: [...virsh, "pool-start", pool], signal });
}

async function virtualSize(exec: Exec, image: string, signal: AbortSignal): Promise<number> {
  const info = await mustRun(exec, { argv: ["qemu-img", "info", "--output=json", image], signal });
  return (JSON.parse(info) as { "virtual-size": number })["virtual-size"];
}
