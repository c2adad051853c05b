import { exitCodes } from "../../foundation/errors.ts";
import type { Command } from "../command.ts";

export const validate: Command = {
  name: "validate",
  summary: "check cluster.yaml: every problem at once, with its place and what to do",
  args: [],
  options: [],
  examples: [{ command: "cluster validate --cluster clusters/six", meaning: "another cluster" }],
  run: async (context) => {
    const { loadFrom } = await import("../read-spec.ts");
    const { showProblem } = await import("../../spec/problem.ts");
    const { readServices } = await import("../../lifecycle/steps/services.ts");
    const dir = await context.clusterDir();
    const loaded = await loadFrom(dir, { environment: context.io.env, cwd: context.io.cwd });
    const problems = loaded.ok ? [] : loaded.problems;
    if (!context.json) {
      for (const warning of loaded.warnings) context.io.stderr.write(`warning: ${showProblem(warning)}\n`);
      for (const problem of problems) context.io.stderr.write(`${showProblem(problem)}\n`);
    }
    if (loaded.ok) await readServices(dir, loaded.spec.services);
    const text = loaded.ok ? "cluster.yaml is valid\n" : "";
    context.result(text, { v: 1, valid: loaded.ok, problems, warnings: loaded.warnings });
    return loaded.ok ? exitCodes.ok : exitCodes.invalid;
  },
};
