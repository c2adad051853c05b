import type { Clock } from "../../foundation/clock.ts";
import { AppError } from "../../foundation/errors.ts";
import { capture } from "../../foundation/ssh.ts";
import type { SshConnection } from "../../foundation/ssh.ts";
import type { Ran, RunOptions } from "./stage.ts";

/** How long a machine may take to close a connection, ms. */
const leaveWithin = 500;

/** One kept connection a node for questions; made anew when it was lost. */
export interface Lines {
  line(node: string, signal: AbortSignal): Promise<SshConnection>;
  /** A line to the first machine that answers. @throws E_NODE_UNREACHABLE */
  anyLine(signal: AbortSignal): Promise<SshConnection>;
  /** What came of a command line on a node; undefined when the node does not answer in time. */
  attempt(node: string, command: string, options: RunOptions): Promise<Ran | undefined>;
  /** Standard output of a command on a node; undefined when the node or the command fails. */
  ask(node: string, command: string, signal: AbortSignal): Promise<string | undefined>;
  hangUp(node: string): Promise<void>;
  close(): Promise<void>;
}

export interface LinesOptions {
  readonly nodes: readonly string[];
  readonly connect: (node: string, signal: AbortSignal) => Promise<SshConnection>;
  readonly clock: Clock;
  /** How long a single question may take, ms. */
  readonly askWithin: number;
}

export function keptLines(options: LinesOptions): Lines {
  const { nodes, askWithin } = options;
  const connections = keptConnections(options);
  const { line, hangUp } = connections;
  const attempt: Lines["attempt"] = async (node, command, { within, signal }) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(within)]);
    const before = connections.of(node);
    try {
      return await capture(await line(node, limit), command, { signal: limit });
    } catch {
      signal.throwIfAborted();
      // A line that has gone silent (the machine stood still, or was restarted) is made anew next time.
      if (connections.of(node) === before) void hangUp(node);
      return undefined;
    }
  };
  const ask: Lines["ask"] = async (node, command, signal) => {
    const answer = await attempt(node, command, { within: askWithin, signal });
    return answer?.code === 0 ? answer.stdout : undefined;
  };
  return {
    line,
    attempt,
    ask,
    hangUp,
    anyLine: async (signal) => {
      for (const node of nodes) {
        if ((await ask(node, "true", signal)) !== undefined) return await line(node, signal);
      }
      throw new AppError("E_NODE_UNREACHABLE", "no machine of the cluster answers", {
        hint: "cluster status",
      });
    },
    close: connections.close,
  };
}

interface Connections {
  readonly line: Lines["line"];
  readonly hangUp: Lines["hangUp"];
  readonly close: Lines["close"];
  /** What is kept of the node now; another one once it was made anew. */
  readonly of: (node: string) => Promise<SshConnection> | undefined;
}

/** The connections behind the lines, and when each is made and given up. */
function keptConnections({ connect, clock }: Pick<LinesOptions, "connect" | "clock">): Connections {
  const kept = new Map<string, Promise<SshConnection>>();
  const hangUp = async (node: string): Promise<void> => {
    const connected = kept.get(node);
    kept.delete(node);
    const ended = connected?.then((connection) => connection.end()).catch(() => undefined);
    // A machine that stands still takes no leave.
    await Promise.race([ended, clock.sleep(leaveWithin)]);
  };
  return {
    line: async (node, signal) => {
      for (;;) {
        const before = kept.get(node);
        const open = await before?.catch(() => undefined);
        if (open !== undefined && !open.lost.aborted) return open;
        // Of several who find that it is lost, one makes it anew.
        if (kept.get(node) !== before) continue;
        const fresh = connect(node, signal);
        kept.set(node, fresh);
        return await fresh;
      }
    },
    hangUp,
    close: async () => {
      await Promise.all([...kept.keys()].map(hangUp));
    },
    of: (node) => kept.get(node),
  };
}
