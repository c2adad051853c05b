import { AppError } from "../../../foundation/errors.ts";
import type { Blob } from "./image.ts";
import type { MirroredImage } from "./content.ts";

/**
 * Puts an image into a registry (its HTTP API, version 2) unless that very manifest is there already.
 * @param registry e.g. `http://192.168.56.1:5000`
 */
export async function pushImage(registry: string, wanted: MirroredImage, signal: AbortSignal): Promise<void> {
  const { repository, tag, image } = wanted;
  const manifest = `${registry}/v2/${repository}/manifests/${tag}`;
  const found = await fetch(manifest, {
    method: "HEAD",
    headers: { accept: image.manifest.mediaType },
    signal,
  });
  if (found.headers.get("docker-content-digest") === image.manifest.digest) return;
  for (const blob of image.blobs) await pushBlob(registry, repository, blob, signal);
  await must(
    await fetch(manifest, {
      method: "PUT",
      headers: { "content-type": image.manifest.mediaType },
      body: Buffer.from(image.manifest.content),
      signal,
    }),
  );
}

async function pushBlob(
  registry: string,
  repository: string,
  blob: Blob,
  signal: AbortSignal,
): Promise<void> {
  const there = await fetch(`${registry}/v2/${repository}/blobs/${blob.digest}`, { method: "HEAD", signal });
  if (there.ok) return;
  const begun = await must(
    await fetch(`${registry}/v2/${repository}/blobs/uploads/`, { method: "POST", signal }),
  );
  const upload = new URL(begun.headers.get("location") ?? "", registry);
  upload.searchParams.set("digest", blob.digest);
  await must(
    await fetch(upload, {
      method: "PUT",
      headers: { "content-type": "application/octet-stream" },
      body: Buffer.from(blob.content),
      signal,
    }),
  );
}

async function must(response: Response): Promise<Response> {
  if (response.ok) return response;
  throw new AppError(
    "E_COMMAND_FAILED",
    `the registry mirror answered ${response.status} to ${response.url}`,
    {
      details: [(await response.text()).slice(0, 400)],
      hint: "its log is logs/mirror.log in the cluster's state folder",
    },
  );
}
