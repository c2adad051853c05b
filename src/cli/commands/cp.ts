import { resolve } from "node:path";
import { AppError } from "../../foundation/errors.ts";
import type { Command } from "../command.ts";

export const cp: Command = {
  name: "cp",
  summary: "copy a file or folder to or from a machine",
  args: [
    { name: "FROM", summary: "a path here, or NODE:PATH", required: true, many: false },
    {
      name: "TO",
      summary: "a path here, or NODE:PATH; relative to core's home there",
      required: true,
      many: false,
    },
  ],
  options: [],
  examples: [
    { command: "cluster cp hello.service core-01:hello.service", meaning: "to a machine" },
    { command: "cluster cp core-01:/etc/hosts hosts", meaning: "from a machine" },
  ],
  run: async (context, input) => {
    const [from, to] = [parsePlace(input.args[0] ?? ""), parsePlace(input.args[1] ?? "")];
    const node = from.node ?? to.node;
    if (node === undefined || (from.node !== undefined && to.node !== undefined)) {
      throw new AppError("E_USAGE", "one of the two must be NODE:PATH, the other a path here", {
        hint: "cluster cp FILE NODE:PATH",
      });
    }
    const { openCluster } = await import("../../lifecycle/cluster.ts");
    const { reachNode } = await import("../../lifecycle/access/reach.ts");
    const world = await context.world();
    const connection = await reachNode(
      world,
      await openCluster(world, await context.clusterDir(), node),
      node,
    );
    try {
      if (from.node === undefined) await connection.upload(resolve(context.io.cwd, from.path), to.path);
      else await connection.download(from.path, resolve(context.io.cwd, to.path));
    } finally {
      await connection.end();
    }
    return 0;
  },
};

function parsePlace(text: string): { readonly node: string | undefined; readonly path: string } {
  const match = /^([A-Za-z0-9][A-Za-z0-9-]*):(.+)$/.exec(text);
  return match === null ? { node: undefined, path: text } : { node: match[1], path: match[2] ?? "" };
}
