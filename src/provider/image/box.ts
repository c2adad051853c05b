import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../../foundation/errors.ts";
import type { Exec } from "../../foundation/exec.ts";
import { mustRun } from "../../foundation/exec.ts";
import type { Lack, Report } from "../provider.ts";
import { boxVagrantfile } from "./box-vagrantfile.ts";
import { diskSize, makeQcow2, makeRawDisk, makeVmdk } from "./disk.ts";
import type { ImageOptions } from "./image.ts";
import { buildImage, imageHash } from "./image.ts";
import { ovfDescriptor } from "./ovf.ts";

/** Our own Vagrant box: the machine image with the node layer in it, as a disk that boots. */
export interface BoxOptions extends Omit<ImageOptions, "kind"> {
  /** `dist/node/layer`, and beside it `layer.hash`. */
  readonly layerDir: string;
}

export type BoxKind = "libvirt" | "virtualbox";

export interface Box {
  readonly name: string;
  /** Grows with nothing: it is the content's hash, as a number that Vagrant takes for a version. */
  readonly version: string;
  readonly kind: BoxKind;
  readonly path: string;
  /** What Vagrant reads first; it names the box file and its checksum. */
  readonly metadata: string;
}

const boxName = "flotilla/debian";
/** Changes when the way in which boxes are made does. */
const format = 1;
const tools: readonly [program: string, debianPackage: string][] = [
  ["mmdebstrap", "mmdebstrap"],
  ["mke2fs", "e2fsprogs"],
  ["grub-mkimage", "grub-common"],
  ["qemu-img", "qemu-utils"],
];

/** The box as it would be now, or undefined when it has not been built. */
export async function findBox(options: Omit<BoxOptions, "exec">, kind: BoxKind): Promise<Box | undefined> {
  const box = await boxOf(options, kind);
  return existsSync(box.metadata) ? box : undefined;
}

/**
 * The box as it is now, built if need be (root; a minute and a half, and 250 MB of download the first time).
 * @throws E_HOST_LACKS naming all that is missing; E_COMMAND_FAILED, E_DISK_FULL
 */
export async function buildBox(
  options: BoxOptions,
  kind: BoxKind,
  report: Report,
  signal: AbortSignal,
): Promise<Box> {
  const found = await findBox(options, kind);
  if (found !== undefined) return found;
  const [lack] = await boxToolLacks(options.exec);
  if (lack !== undefined) throw new AppError(lack.code, lack.what, { hint: lack.hint });
  const image = await buildImage({ ...options, kind: "machine" }, report, signal);
  const box = await boxOf(options, kind);
  report(`making the box ${box.name} ${box.version} for ${kind}`);
  const work = join(options.cacheDir, "boxes", `.building-${process.pid}`);
  await mkdir(work, { recursive: true });
  try {
    const tree = await plantTree(options, image.path, work, signal);
    const raw = await makeRawDisk({ exec: options.exec, tree, work, signature: signatureOf(box), signal });
    await pack(options.exec, { box, raw, work, signal });
  } finally {
    await mustRun(options.exec, { argv: ["rm", "-rf", "--one-file-system", work] });
  }
  return box;
}

/** The image's files as hard links, with the layer's own over them: a second, and no room on the disk. */
async function plantTree(
  { exec, layerDir }: BoxOptions,
  image: string,
  work: string,
  signal: AbortSignal,
): Promise<string> {
  const tree = join(work, "tree");
  await mustRun(exec, { argv: ["cp", "-al", image, tree], signal });
  await mustRun(exec, {
    argv: ["cp", "-a", "--remove-destination", "--no-preserve=ownership", `${layerDir}/.`, tree],
    signal,
  });
  return tree;
}

interface Packing {
  readonly box: Box;
  readonly raw: string;
  readonly work: string;
  readonly signal: AbortSignal;
}

async function pack(exec: Exec, { box, raw, work, signal }: Packing): Promise<void> {
  const folder = join(work, "box");
  await mkdir(folder);
  const facts: Record<string, unknown> = { provider: box.kind };
  if (box.kind === "libvirt") {
    Object.assign(facts, { format: "qcow2", virtual_size: diskSize / 1024 ** 3 });
    await makeQcow2(exec, raw, join(folder, "box.img"), signal);
  } else {
    await makeVmdk(exec, raw, join(folder, "box-disk001.vmdk"), signal);
    await writeFile(join(folder, "box.ovf"), ovfDescriptor({ disk: "box-disk001.vmdk", diskSize }));
  }
  await writeFile(join(folder, "metadata.json"), `${JSON.stringify(facts)}\n`);
  await writeFile(join(folder, "Vagrantfile"), boxVagrantfile);
  const packed = join(work, "packed.box");
  await mustRun(exec, {
    argv: [
      "tar",
      "--create",
      "--file",
      packed,
      "--use-compress-program",
      "gzip -1",
      "--sort=name",
      "--owner=0",
      "--group=0",
      "--numeric-owner",
      "--directory",
      folder,
      ".",
    ],
    signal,
  });
  const checksum = await sha256(packed);
  await mkdir(join(box.path, ".."), { recursive: true });
  await rename(packed, box.path);
  await writeFile(`${box.metadata}.new`, `${JSON.stringify(catalogue(box, checksum), null, 2)}\n`);
  // Last: a box is there when its metadata is.
  await rename(`${box.metadata}.new`, box.metadata);
}

function catalogue(box: Box, checksum: string): object {
  const provider = { name: box.kind, url: `file://${box.path}`, checksum_type: "sha256", checksum };
  return {
    name: box.name,
    description: "Debian with etcd, docker and fleet",
    versions: [{ version: box.version, providers: [provider] }],
  };
}

async function boxOf(options: Omit<BoxOptions, "exec">, kind: BoxKind): Promise<Box> {
  const image = await imageHash({ ...options, kind: "machine" });
  const layer = await layerHash(options.layerDir);
  const parts = [format, kind, image, layer, boxVagrantfile];
  const hash = createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
  const folder = join(options.cacheDir, "boxes", hash);
  return {
    name: boxName,
    version: `1.0.${Number.parseInt(hash.slice(0, 12), 16)}`,
    kind,
    path: join(folder, `${kind}.box`),
    metadata: join(folder, "metadata.json"),
  };
}

async function layerHash(layerDir: string): Promise<string> {
  const file = join(layerDir, "..", "layer.hash");
  if (existsSync(layerDir) && existsSync(file)) return (await readFile(file, "utf8")).trim();
  throw new AppError("E_HOST_LACKS", `the nodes' own programs are not built: ${layerDir} does not exist`, {
    hint: "run 'npm run build'",
  });
}

/** What this host lacks to build a box, as one lack. */
export async function boxToolLacks(exec: Exec): Promise<readonly Lack[]> {
  const script = 'for name; do command -v "$name" >/dev/null || echo "$name"; done';
  const argv = ["sh", "-c", script, "sh", ...tools.map(([program]) => program)] as const;
  const missing = (await exec.run({ argv: [...argv] })).stdout.split("\n").filter((name) => name !== "");
  const packages = tools.filter(([program]) => missing.includes(program)).map(([, name]) => name);
  if (!existsSync("/usr/lib/grub/i386-pc/boot.img")) packages.push("grub-pc-bin");
  const lacks: Lack[] = [];
  if (process.getuid?.() !== 0) {
    const hint = "build it once with 'sudo cluster image build --provider libvirt' (or virtualbox)";
    lacks.push({ code: "E_HOST_LACKS", what: "the rights of root, to build the machines' box", hint });
  }
  if (packages.length > 0) {
    const what = `${packages.join(", ")}, to build the machines' box`;
    lacks.push({ code: "E_HOST_LACKS", what, hint: `apt-get install ${packages.join(" ")}` });
  }
  return lacks;
}

function signatureOf(box: Box): number {
  return createHash("sha256").update(box.version).digest().readUInt32LE(0);
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
