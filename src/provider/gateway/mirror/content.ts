import type { ContainerImage } from "./image.ts";
import { containerImage, containerLayer } from "./image.ts";
import type { TarEntry } from "./tar.ts";

/** An image that the mirror holds from the start. */
export interface MirroredImage {
  readonly repository: string;
  readonly tag: string;
  readonly image: ContainerImage;
}

/** The name that `docker pull` and cluster.yaml know it by: Docker Hub's own images lie in `library`. */
export function familiarName({ repository }: Pick<MirroredImage, "repository">): string {
  return repository.replace(/^library\//, "");
}

/** A host's static busybox: the program and the names it answers to. */
export interface Busybox {
  readonly program: Uint8Array;
  readonly applets: readonly string[];
}

const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * Answers as the well-known micro service does, and ends cleanly: the shell is process 1 of the container, where a
 * signal without a handler would be ignored.
 */
const serve = `#!/bin/sh
trap 'exit 0' TERM INT
httpd -f -p 5000 -h /srv/www &
wait $!
`;

const greeting = `#!/bin/sh
printf 'Content-Type: text/html; charset=utf-8\\r\\n\\r\\n'
printf 'Hello World from %s' "$(hostname)"
`;

/** Pure: the images that make the walkthroughs' `docker pull`s work without the Internet. */
export function mirroredImages(busybox: Busybox, architecture: string): readonly MirroredImage[] {
  const base = containerLayer(busyboxRoot(busybox));
  const service = containerLayer([
    { kind: "folder", path: "srv/", mode: 0o755 },
    { kind: "folder", path: "srv/www/", mode: 0o755 },
    { kind: "folder", path: "srv/www/cgi-bin/", mode: 0o755 },
    { kind: "file", path: "srv/www/cgi-bin/index.cgi", content: Buffer.from(greeting), mode: 0o755 },
    { kind: "file", path: "bin/serve", content: Buffer.from(serve), mode: 0o755 },
  ]);
  return [
    {
      repository: "library/busybox",
      tag: "latest",
      image: containerImage([base], { Cmd: ["sh"], Env: [path] }, architecture),
    },
    {
      repository: "jlordiales/python-micro-service",
      tag: "latest",
      image: containerImage(
        [base, service],
        { Cmd: ["/bin/serve"], Env: [path], ExposedPorts: { "5000/tcp": {} } },
        architecture,
      ),
    },
  ];
}

function busyboxRoot({ program, applets }: Busybox): TarEntry[] {
  const folder = (name: string, mode = 0o755): TarEntry => ({ kind: "folder", path: `${name}/`, mode });
  const file = (name: string, text: string): TarEntry => ({
    kind: "file",
    path: name,
    content: Buffer.from(text),
    mode: 0o644,
  });
  const links = applets
    .filter((name) => name !== "busybox" && /^[\w[.+-]+$/.test(name))
    .toSorted()
    .map((name): TarEntry => ({ kind: "link", path: `bin/${name}`, target: "busybox" }));
  return [
    folder("bin"),
    { kind: "file", path: "bin/busybox", content: program, mode: 0o755 },
    ...links,
    folder("etc"),
    file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"),
    file("etc/group", "root:x:0:\nnogroup:x:65534:\n"),
    ...["dev", "home", "proc", "sys", "usr", "usr/bin", "usr/sbin", "sbin", "var"].map((name) =>
      folder(name),
    ),
    { kind: "link", path: "usr/bin/env", target: "/bin/busybox" },
    folder("root", 0o700),
    folder("tmp", 0o1777),
  ];
}
