import { valueOf, type Command } from "../command.ts";
import type { ImageProvider } from "../context.ts";

const build: Command = {
  name: "build",
  summary: "build what a provider's machines run, if it is not cached",
  description:
    "For nspawn a folder, for libvirt and virtualbox a Vagrant box with the same system, a kernel and a boot loader. The box for VirtualBox has been booted from QEMU's IDE controller, and never in VirtualBox itself.",
  args: [],
  options: [
    {
      name: "--provider",
      value: "NAME",
      summary: "else nspawn",
      choices: ["nspawn", "libvirt", "virtualbox"],
    },
  ],
  examples: [
    { command: "cluster image build", meaning: "once, with network; 'up' then needs none" },
    { command: "cluster image build --provider libvirt", meaning: "the box of libvirt's machines" },
  ],
  run: async (context, input) => {
    const images = await context.wiring.images();
    const provider = (valueOf(input, "--provider") ?? "nspawn") as ImageProvider;
    const say = (message: string): void => context.emit({ kind: "note", message });
    const path = await images.build(provider, say, context.io.signal);
    context.result(`${path}\n`, { v: 1, path });
    return 0;
  },
};

const list: Command = {
  name: "list",
  summary: "the images in the cache",
  args: [],
  options: [],
  examples: [{ command: "cluster image list", meaning: "newest first" }],
  run: async (context) => {
    const { table } = await import("../show/table.ts");
    const images = await (await context.wiring.images()).list();
    const rows = images.map(({ id, built, current, inUse, path }) => [
      id.slice(0, 12),
      new Date(built).toISOString().slice(0, 16).replace("T", " "),
      [...(current ? ["current"] : []), ...(inUse ? ["in use"] : [])].join(", ") || "-",
      path,
    ]);
    context.result(table([["IMAGE", "BUILT", "USE", "PATH"], ...rows]), { v: 1, images });
    return 0;
  },
};

const prune: Command = {
  name: "prune",
  summary: "remove images that are neither current nor used by a cluster",
  args: [],
  options: [],
  examples: [{ command: "cluster image prune", meaning: "frees about 500 MB an image" }],
  run: async (context) => {
    const removed = await (await context.wiring.images()).prune();
    context.result(removed.map((id) => `removed ${id}\n`).join(""), { v: 1, removed });
    return 0;
  },
};

export const image: Command = {
  name: "image",
  summary: "the node image: build, list, prune",
  args: [],
  options: [],
  examples: [],
  subcommands: [build, list, prune],
  run: () => Promise.resolve(0),
};
