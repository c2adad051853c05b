import type { Command } from "../command.ts";

export const completion: Command = {
  name: "completion",
  summary: "completion for a shell",
  args: [{ name: "SHELL", summary: "bash, zsh or fish", required: true, many: false, completes: "shell" }],
  options: [],
  examples: [
    { command: 'eval "$(cluster completion bash)"', meaning: "in ~/.bashrc" },
    { command: "cluster completion fish | source", meaning: "in config.fish" },
  ],
  run: async (context, input) => {
    const [{ completionScript }, { commands }] = await Promise.all([
      import("../completion-script.ts"),
      import("../commands.ts"),
    ]);
    const text = completionScript(input.args[0] ?? "", commands);
    context.result(text, { v: 1, script: text });
    return 0;
  },
};
