import { exitCodes } from "../../foundation/errors.ts";
import { isOn, valueOf, type Command } from "../command.ts";

export const render: Command = {
  name: "render",
  summary: "write Vagrantfile, config.rb and each machine's user-data",
  description:
    "Writes a folder that Vagrant works in (clusters/NAME/vagrant), from the same cluster.yaml. The same input gives the same bytes. What you have changed in its config.rb (memory, processors, ports, folders and the like) stays.",
  args: [],
  options: [
    {
      name: "--provider",
      value: "NAME",
      summary: "else virtualbox",
      choices: ["auto", "virtualbox", "libvirt", "nspawn"],
    },
    { name: "--out", value: "DIR", summary: "write there instead" },
    {
      name: "--check",
      summary: "write nothing; show what would change, and exit 1 when cluster.yaml has moved on",
    },
  ],
  examples: [
    { command: "cluster render", meaning: "then 'vagrant up' in clusters/NAME/vagrant" },
    { command: "cluster render --check", meaning: "in a pipeline" },
  ],
  run: async (context, input) => {
    const { renderFolder } = await import("../render-folder.ts");
    const check = isOn(input, "--check");
    const outcome = await renderFolder(context, {
      provider: valueOf(input, "--provider"),
      out: valueOf(input, "--out"),
      check,
    });
    for (const { name, own, ours } of outcome.kept) {
      context.emit({ kind: "note", message: `config.rb has ${name} = ${own}; cluster.yaml has ${ours}` });
    }
    const written = outcome.changed.map((path) => `written: ${path}\n`).join("");
    const text = check ? outcome.diff : written;
    context.result(text === "" ? "nothing has changed\n" : text, { v: 1, ...outcome });
    return check && outcome.changed.length > 0 ? exitCodes.false : exitCodes.ok;
  },
};
