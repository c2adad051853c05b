import { open, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../../foundation/errors.ts";
import type { Exec } from "../../foundation/exec.ts";
import { mustRun } from "../../foundation/exec.ts";

/**
 * A disk that boots by itself, made without loop devices and without mounts: the boot loader's parts are laid where the
 * BIOS and each other look for them, and mke2fs fills the file system itself.
 */
export interface DiskOptions {
  readonly exec: Exec;
  /** The root's content; /boot/grub/grub.cfg and what it names are in it. */
  readonly tree: string;
  /** A folder for the disk and what is left of making it. */
  readonly work: string;
  /** Tells disks apart in the partition table; 32 bits. */
  readonly signature: number;
  readonly signal: AbortSignal;
}

/** The root finds itself by this name, wherever the hypervisor puts the disk. */
const label = "flotilla";
/** What the machine sees, bytes; the file holds only what is used. */
export const diskSize = 20 * 1024 ** 3;

const sector = 512;
const partitionStart = 1024 ** 2;
const grubFolder = "/usr/lib/grub/i386-pc";
/** What grub needs until it can read its own configuration. */
const grubModules = ["biosdisk", "part_msdos", "ext2", "linux", "normal", "configfile"] as const;

/** Makes `disk.raw` in the work folder: as large as its content, and readable by any hypervisor. Gives its path. */
export async function makeRawDisk(options: DiskOptions): Promise<string> {
  const { exec, tree, work, signal } = options;
  const raw = join(work, "disk.raw");
  const used = Number.parseInt(await mustRun(exec, { argv: ["du", "-sk", tree], signal }), 10);
  // Room for the file system's own tables and for the first boot, until the disk grows.
  const kilobytes = Math.ceil(used * 1.05) + 160 * 1024;
  await writeFile(raw, "");
  await truncate(raw, partitionStart + kilobytes * 1024);
  const features = "^metadata_csum_seed"; // which grub could not read
  await mustRun(exec, {
    argv: [
      "mke2fs",
      "-q",
      "-F",
      "-t",
      "ext4",
      "-L",
      label,
      "-m",
      "1",
      "-O",
      features,
      "-E",
      `offset=${partitionStart},lazy_itable_init=1`,
      "-d",
      tree,
      raw,
      `${kilobytes}k`,
    ],
    signal,
  });
  const core = join(work, "core.img");
  await mustRun(exec, {
    argv: ["grub-mkimage", "-O", "i386-pc", "-o", core, "-p", "(hd0,msdos1)/boot/grub", ...grubModules],
    signal,
  });
  await installLoader(raw, core, options.signature);
  return raw;
}

async function installLoader(raw: string, core: string, signature: number): Promise<void> {
  const [boot, loader] = await Promise.all([readFile(join(grubFolder, "boot.img")), readFile(core)]);
  if (loader.length > partitionStart - sector) {
    throw new AppError("E_BUG", `the boot loader has ${loader.length} bytes, too many for its place`);
  }
  const { size } = await stat(raw);
  const disk = await open(raw, "r+");
  try {
    await disk.write(masterBootRecord(boot, size, signature), 0, sector, 0);
    await disk.write(loader, 0, loader.length, sector);
  } finally {
    await disk.close();
  }
}

/** The first sector: grub's first 440 bytes, then one active Linux partition to the end of the disk. */
export function masterBootRecord(boot: Uint8Array, diskBytes: number, signature: number): Buffer {
  const record = Buffer.alloc(sector);
  record.set(boot.subarray(0, 440));
  record.writeUInt32LE(signature >>> 0, 440);
  const entry = 446;
  record[entry] = 0x80;
  // Cylinders, heads and sectors say "use the numbers below".
  record.set([0xfe, 0xff, 0xff], entry + 1);
  record[entry + 4] = 0x83;
  record.set([0xfe, 0xff, 0xff], entry + 5);
  record.writeUInt32LE(partitionStart / sector, entry + 8);
  record.writeUInt32LE((diskBytes - partitionStart) / sector, entry + 12);
  record.writeUInt16BE(0x55aa, 510);
  return record;
}

/** The disk for libvirt: qcow2, as large as the machine shall see it. */
export async function makeQcow2(exec: Exec, raw: string, target: string, signal: AbortSignal): Promise<void> {
  await mustRun(exec, { argv: ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, target], signal });
  await mustRun(exec, { argv: ["qemu-img", "resize", "-q", target, String(diskSize)], signal });
}

/** The disk for VirtualBox: a stream-optimised VMDK, which is what an appliance holds. */
export async function makeVmdk(exec: Exec, raw: string, target: string, signal: AbortSignal): Promise<void> {
  await truncate(raw, diskSize);
  const options = "subformat=streamOptimized,adapter_type=ide";
  const convert = ["qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", options, raw, target] as const;
  await mustRun(exec, { argv: [...convert], signal });
}
