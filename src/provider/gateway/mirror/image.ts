import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { TarEntry } from "./tar.ts";
import { tar } from "./tar.ts";

/** What a container of the image starts with. */
export interface ContainerConfig {
  readonly Cmd: readonly string[];
  readonly Env: readonly string[];
  readonly ExposedPorts?: Readonly<Record<string, object>>;
}

export interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly content: Uint8Array;
}

/** A container image as a registry stores it: a manifest that names a config and layers by their digests. */
export interface ContainerImage {
  readonly blobs: readonly Blob[];
  readonly manifest: Blob;
}

const docker = "application/vnd.docker";

/** One layer of an image; images that share it store it once. */
export interface ContainerLayer {
  readonly blob: Blob;
  /** Of the archive before it was compressed. */
  readonly diffId: string;
}

/** Pure: the same entries give the same bytes. */
export function containerLayer(entries: readonly TarEntry[]): ContainerLayer {
  const archive = tar(entries);
  const compressed = gzipSync(archive, { level: 1 });
  return { blob: blob(`${docker}.image.rootfs.diff.tar.gzip`, compressed), diffId: digestOf(archive) };
}

/** Pure: the same input gives the same bytes, so a second push changes nothing. */
export function containerImage(
  layers: readonly ContainerLayer[],
  config: ContainerConfig,
  architecture: string,
): ContainerImage {
  const configBlob = blob(
    `${docker}.container.image.v1+json`,
    json({
      architecture,
      os: "linux",
      created: "1970-01-01T00:00:00Z",
      config,
      rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
      history: layers.map(() => ({ created: "1970-01-01T00:00:00Z" })),
    }),
  );
  const manifest = blob(
    `${docker}.distribution.manifest.v2+json`,
    json({
      schemaVersion: 2,
      mediaType: `${docker}.distribution.manifest.v2+json`,
      config: reference(configBlob),
      layers: layers.map((layer) => reference(layer.blob)),
    }),
  );
  return { blobs: [...layers.map((layer) => layer.blob), configBlob], manifest };
}

function blob(mediaType: string, content: Uint8Array): Blob {
  return { mediaType, content, digest: digestOf(content) };
}

function reference({ mediaType, digest, content }: Blob): object {
  return { mediaType, size: content.length, digest };
}

function digestOf(content: Uint8Array): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}
