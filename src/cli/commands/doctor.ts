import { exitCodes } from "../../foundation/errors.ts";
import type { ProviderName } from "../../spec/model.ts";
import type { Command } from "../command.ts";

interface Finding {
  readonly provider: ProviderName;
  readonly usable: boolean;
  readonly problems: readonly { readonly what: string; readonly hint: string }[];
}

export const doctor: Command = {
  name: "doctor",
  summary: "what this host can run, what it lacks and how to get it; changes nothing",
  args: [],
  options: [],
  examples: [{ command: "cluster doctor", meaning: "before the first 'cluster up'" }],
  run: async (context) => {
    const { inspectHost } = await import("../inspect-host.ts");
    const findings: readonly Finding[] = await inspectHost(context);
    const text = findings.map(({ provider, usable, problems }) => {
      const lines = problems.map(({ what, hint }) => `    ${what}: ${hint}\n`);
      return `${provider}: ${usable ? "ready" : "not usable"}\n${lines.join("")}`;
    });
    const usable = findings.some((finding) => finding.usable);
    context.result(text.join(""), { v: 1, usable, findings });
    return usable ? exitCodes.ok : exitCodes.false;
  },
};
