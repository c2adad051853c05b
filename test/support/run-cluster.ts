import { PassThrough } from "node:stream";
import type { Io, Wiring } from "../../src/cli/context.ts";
import { run } from "../../src/cli/run.ts";
import type { MemoryWorld } from "./memory-world.ts";

export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Run {
  readonly memory: MemoryWorld;
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Runs a command line in this process, in the folder `cwd`, without a terminal; `DIR` in it is the folder of `memory`'s cluster. */
export async function runCluster(line: string, { memory, cwd, env = {}, signal }: Run): Promise<Said> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const io: Io = {
    stdin,
    stdout,
    stderr,
    env,
    cwd,
    platform: "linux",
    home: "/home/me",
    signal: signal ?? new AbortController().signal,
    hurry: () => new AbortController().signal,
    isTTY: false,
  };
  const wiring: Wiring = {
    world: async ({ emit, signal: stop, command }) => ({ ...memory.another(stop, emit), command }),
    images: async () => ({
      build: async (_provider, say) => {
        say("building");
        return "/cache/images/0123";
      },
      list: async () => [
        { id: "0123456789abcdef", path: "/cache/images/0123", current: true, inUse: false, built: 0 },
      ],
      prune: async () => [],
    }),
    supervise: async () => 0,
    attend: async () => 0,
    sshPorts: async () => new Map([["core-01", 2222]]),
  };
  const argv = line
    .replaceAll("DIR", memory.dir)
    .split(" ")
    .filter((word) => word !== "");
  const code = await run(argv, io, wiring);
  return { code, stdout: String(stdout.read() ?? ""), stderr: String(stderr.read() ?? "") };
}
