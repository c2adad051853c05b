import { exitCodes } from "../../foundation/errors.ts";
import { isOn, valueOf, type Command } from "../command.ts";

export const render: Command = {
  name: "render",
  summary: "write Vagrantfile, config.rb and each machine's user-data",
  description:
    "Writes a folder that Vagrant works in (clusters/NAME/vagrant), from the same cluster.yaml. The same input gives the same bytes.",
  args: [],
  options: [
    {
      name: "--provider",
      value: "NAME",
      summary: "else virtualbox",
      choices: ["auto", "virtualbox", "libvirt", "nspawn"],
    },
    { name: "--out", value: "DIR", summary: "write there instead" },
    { name: "--check", summary: "write nothing; exit 1 when what is there is stale" },
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
    const verb = check ? "stale" : "written";
    const text = outcome.changed.map((path) => `${verb}: ${path}\n`).join("");
    context.result(text === "" ? "nothing has changed\n" : text, { v: 1, ...outcome });
    return check && outcome.changed.length > 0 ? exitCodes.false : exitCodes.ok;
  },
};
