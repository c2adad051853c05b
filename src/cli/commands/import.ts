import { valueOf, type Command } from "../command.ts";

export const importCommand: Command = {
  name: "import",
  summary: "make a cluster.yaml of a coreos-vagrant folder",
  description:
    "Reads the config.rb and user-data of a folder that was made for coreos-vagrant (keys with hyphens included), writes clusters/NAME/cluster.yaml, and lists what it could not carry over. It runs nothing of the folder, changes nothing in it, and never overwrites a cluster.",
  args: [{ name: "DIR", summary: "the folder with config.rb and user-data", required: true, many: false }],
  options: [{ name: "--name", value: "NAME", summary: "the new cluster's name; else the folder's" }],
  examples: [{ command: "cluster import ~/coreos-vagrant --name old", meaning: "clusters/old/cluster.yaml" }],
  run: async (context, input) => {
    const { importFolder } = await import("../import-folder.ts");
    const outcome = await importFolder(context, input.args[0] ?? "", valueOf(input, "--name"));
    const notes = outcome.notes.map((note) => `not carried over: ${note}\n`).join("");
    context.result(`made ${outcome.path}\n${notes}`, { v: 1, ...outcome });
    return 0;
  },
};
