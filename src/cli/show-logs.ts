import { isAppError } from "../foundation/errors.ts";
import { openCluster, type KnownCluster, type World } from "../lifecycle/cluster.ts";
import { reachNode, runningTargets, targetsOf } from "../lifecycle/access/reach.ts";
import { lines } from "../lifecycle/ready/ready-stream.ts";
import type { Context } from "./context.ts";
import { journalCommand } from "./node-journal.ts";

export interface LogsOptions {
  readonly nodes: readonly string[];
  readonly follow: boolean;
  readonly consoleOnly: boolean;
}

/** Prints the console, and the journal of those machines that let us in; with `follow` as it comes, side by side. */
export async function showLogs(context: Context, options: LogsOptions): Promise<void> {
  const world = await context.world();
  const cluster = await openCluster(world, await context.clusterDir());
  const targets = targetsOf(cluster, options.nodes);
  const running = (await runningTargets(cluster)).map(({ name }) => name);
  const tools = { context, world, cluster, many: targets.length > 1 };
  const show = async (node: string): Promise<void> => {
    const sources = [showConsole(tools, node, options.follow)];
    const journal = !options.consoleOnly && running.includes(node);
    if (options.follow && journal) sources.push(showJournal(tools, node, true));
    await Promise.all(sources);
    if (!options.follow && journal) await showJournal(tools, node, false);
  };
  try {
    if (options.follow) await Promise.all(targets.map(({ name }) => show(name)));
    else for (const { name } of targets) await show(name);
  } catch (error) {
    // Ctrl-C is how one ends --follow.
    if (!(options.follow && context.io.signal.aborted)) throw error;
  }
}

interface Tools {
  readonly context: Context;
  readonly world: World;
  readonly cluster: KnownCluster;
  /** Whether lines must say whose they are. */
  readonly many: boolean;
}

function printer({ context, many }: Tools, node: string, source: string): (line: string) => void {
  const { stdout } = context.io;
  if (context.json) return (line) => void stdout.write(`${JSON.stringify({ v: 1, node, source, line })}\n`);
  return (line) => void stdout.write(many ? `${node}: ${line}\n` : `${line}\n`);
}

async function showConsole(tools: Tools, node: string, follow: boolean): Promise<void> {
  const { cluster, context } = tools;
  const sink = lines(printer(tools, node, "console"));
  const { signal } = context.io;
  for await (const chunk of cluster.provider.console(cluster.ref, node, { follow, signal })) {
    sink.write(Buffer.from(chunk.endsWith("\n") ? chunk : `${chunk}\n`));
  }
}

async function showJournal(tools: Tools, node: string, follow: boolean): Promise<void> {
  const { world, cluster, context } = tools;
  const command = journalCommand(follow ? "-f -n 50" : "");
  try {
    const connection = await reachNode(world, cluster, node, { timeout: 3_000 });
    try {
      const { signal } = context.io;
      await connection.exec(command, { stdout: lines(printer(tools, node, "journal")), signal });
    } finally {
      await connection.end();
    }
  } catch (error) {
    if (!isAppError(error, "E_NODE_UNREACHABLE")) throw error;
    context.emit({ kind: "warning", message: `${node} does not let us in; only its console is shown` });
  }
}
