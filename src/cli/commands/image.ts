import type { Command } from "../command.ts";

const build: Command = {
  name: "build",
  summary: "build the node image of the nspawn provider, if it is not cached",
  args: [],
  options: [],
  examples: [{ command: "cluster image build", meaning: "once, with network; 'up' then needs none" }],
  run: async (context) => {
    const images = await context.wiring.images();
    const say = (message: string): void => context.emit({ kind: "note", message });
    const path = await images.build(say, context.io.signal);
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
