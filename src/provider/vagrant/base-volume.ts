import { existsSync } from "node:fs";
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
  const there = await exec.run({ argv: [...virsh, "vol-info", "--pool", pool, volume], signal });
  if (there.code === 0) return;
  report("copying the box's disk into libvirt's storage");
  const image = join(folder, "box.img");
  const size = await virtualSize(exec, image, signal);
  const half = `${volume}.new`;
  await exec.run({ argv: [...virsh, "vol-delete", "--pool", pool, half], signal });
  const create = ["vol-create-as", pool, volume, String(size), "--allocation", "0", "--format", "qcow2"];
  await mustRun(exec, { argv: [...virsh, ...create], signal });
  const upload = await exec.run({ argv: [...virsh, "vol-upload", "--pool", pool, volume, image], signal });
  if (upload.code === 0) return;
  await exec.run({ argv: [...virsh, "vol-delete", "--pool", pool, volume] });
  signal.throwIfAborted();
  await mustRun(
    { run: async () => await Promise.resolve(upload) },
    { argv: [...virsh, "vol-upload", volume] },
  );
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
