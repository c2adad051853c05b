import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { imageNames } from "../../../spec/fields.ts";
import { familiarName, mirroredImages } from "./content.ts";
import { tar } from "./tar.ts";

const busybox = { program: Buffer.from("program"), applets: ["sh", "[", "httpd", "busybox"] };

describe("the images of the registry mirror", () => {
  it("are the two that the walkthroughs pull", () => {
    const names = mirroredImages(busybox, "amd64").map(({ repository, tag }) => `${repository}:${tag}`);
    expect(names).toEqual(["library/busybox:latest", "jlordiales/python-micro-service:latest"]);
  });

  it("are chosen by the names that docker pull and cluster.yaml have for them", () => {
    expect(mirroredImages(busybox, "amd64").map(familiarName)).toEqual(imageNames);
  });

  it("are the same bytes each time, so that nothing is pushed twice", () => {
    const digests = (): string[] =>
      mirroredImages(busybox, "amd64").map(({ image }) => image.manifest.digest);
    expect(digests()).toEqual(digests());
  });

  it("share busybox's layer", () => {
    const [one, two] = mirroredImages(busybox, "amd64");
    expect(two?.image.blobs[0]?.digest).toBe(one?.image.blobs[0]?.digest);
  });

  it("name every blob of theirs by its digest in the manifest", () => {
    for (const { image } of mirroredImages(busybox, "arm64")) {
      const text = Buffer.from(image.manifest.content).toString();
      expect(image.blobs.every((blob) => text.includes(blob.digest))).toBe(true);
    }
  });

  it("expose the service's port", () => {
    const service = mirroredImages(busybox, "amd64")[1];
    const config = Buffer.from(service?.image.blobs.at(-1)?.content ?? []).toString();
    expect(JSON.parse(config)).toMatchObject({ config: { ExposedPorts: { "5000/tcp": {} } } });
  });

  it("make busybox's applets links to it", () => {
    const layer = gunzipSync(Buffer.from(mirroredImages(busybox, "amd64")[0]?.image.blobs[0]?.content ?? []));
    const names = layer.toString("latin1");
    expect(names).toContain("bin/sh\0");
    expect(names).toContain("bin/[\0");
  });
});

describe("our tar archives", () => {
  it("refuse a path that does not fit", () => {
    expect(() => tar([{ kind: "folder", path: "x".repeat(101), mode: 0o755 }])).toThrow("too long");
  });

  it("end on a whole number of blocks", () => {
    const archive = tar([{ kind: "file", path: "a", content: Buffer.from("abc"), mode: 0o644 }]);
    expect(archive.length).toBe(512 * 4);
  });
});
