import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Exec } from "../../foundation/exec.ts";

/** `mov al, 42; out 0xf4, al; hlt`, padded to a boot sector: the smallest machine that can say that it ran. */
const program = Buffer.from([0xb0, 0x2a, 0xe6, 0xf4, 0xf4]);
/** What QEMU's debug device makes of 42. */
const ran = 85;

/**
 * Whether KVM really runs machines here. That /dev/kvm can be opened does not say so: in some virtual machines it can,
 * and then runs nothing. Takes half a second where it works, three where it hangs.
 */
export async function kvmWorks(exec: Exec): Promise<boolean> {
  return existsSync("/dev/kvm") && (await kvmRan(exec));
}

/** Starts the smallest of machines and sees whether it says that it ran. */
export async function kvmRan(exec: Exec): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), "flotilla-kvm-"));
  try {
    const disk = join(folder, "boot.img");
    await writeFile(disk, bootSector());
    const result = await exec.run({
      argv: [
        "qemu-system-x86_64",
        "-accel",
        "kvm",
        "-cpu",
        "host",
        "-m",
        "16",
        "-nodefaults",
        "-display",
        "none",
        "-no-reboot",
        "-drive",
        `file=${disk},format=raw,if=ide`,
        "-device",
        "isa-debug-exit,iobase=0xf4,iosize=0x01",
      ],
      timeout: 3_000,
    });
    return result.code === ran;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function bootSector(): Buffer {
  const sector = Buffer.alloc(512);
  program.copy(sector);
  sector.writeUInt16BE(0x55aa, 510);
  return sector;
}
