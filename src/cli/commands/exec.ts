import { AppError, exitCodes, messageOf } from "../../foundation/errors.ts";
import { nodesArgument, type Command } from "../command.ts";

interface Answer {
  readonly node: string;
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export const exec: Command = {
  name: "exec",
  summary: "one command on all machines side by side; exits 1 if any failed",
  args: [nodesArgument],
  options: [],
  rest: "CMD…, a command line for each machine's shell",
  examples: [{ command: "cluster exec -- docker ps", meaning: "on every machine that runs" }],
  run: async (context, input) => {
    const command = (input.rest ?? []).join(" ");
    if (command === "") {
      throw new AppError("E_USAGE", "there is no command to run", { hint: "cluster exec -- CMD…" });
    }
    const [{ openCluster }, { runningTargets, targetsOf }, { readLogin }, { capture }] = await Promise.all([
      import("../../lifecycle/cluster.ts"),
      import("../../lifecycle/access/reach.ts"),
      import("../../lifecycle/state/keys.ts"),
      import("../../foundation/ssh.ts"),
    ]);
    const world = await context.world();
    const cluster = await openCluster(world, await context.clusterDir());
    const running = await runningTargets(cluster);
    const targets = input.args.length === 0 ? running : targetsOf(cluster, input.args);
    if (targets.length === 0) throw new AppError("E_NODE_UNREACHABLE", "no machine of the cluster runs");
    const login = await readLogin(cluster.ref.stateDir);
    const runOn = async (target: (typeof targets)[number]): Promise<Answer> => {
      try {
        const { signal } = context.io;
        const connection = await world.access.connect(target, login, { timeout: 10_000, signal });
        const said = await capture(connection, command, { signal });
        await connection.end();
        return { node: target.name, ...said };
      } catch (error) {
        context.io.signal.throwIfAborted();
        return { node: target.name, code: 255, stdout: "", stderr: messageOf(error) };
      }
    };
    const answers = await Promise.all(targets.map(runOn));
    const failed = answers.some(({ code }) => code !== 0);
    if (!context.json) {
      for (const { node, stderr } of answers) context.io.stderr.write(prefixed(node, stderr));
    }
    const text = answers.map(({ node, stdout }) => prefixed(node, stdout)).join("");
    context.result(text, { v: 1, answers });
    return failed ? exitCodes.false : exitCodes.ok;
  },
};

function prefixed(node: string, text: string): string {
  if (text === "") return "";
  const lines = text.endsWith("\n") ? text.slice(0, -1).split("\n") : text.split("\n");
  return lines.map((line) => `${node}: ${line}\n`).join("");
}
