import { PassThrough } from "node:stream";
import { AppError } from "../../src/foundation/errors.ts";
import type { Clock } from "../../src/foundation/clock.ts";
import type { Globals } from "../../src/fleet/ctl/globals.ts";
import type { RemoteTarget, World } from "../../src/fleet/ctl/command.ts";
import { fleetctl } from "../../src/fleet/ctl/main.ts";
import { fakeFleet } from "./fake-fleet.ts";
import type { FakeFleet } from "./fake-fleet.ts";

export interface Bench {
  readonly fleet: FakeFleet;
  /** Local files by path. */
  readonly files: Map<string, string>;
  readonly env: Record<string, string>;
  /** Programs that ran on this machine. */
  readonly here: (readonly string[])[];
  /** What was run over ssh. */
  readonly there: { readonly target: RemoteTarget; readonly command: string | undefined }[];
  /** The exit code of every local and remote program. */
  exit: number;
  /** What every local and remote program prints where its output is taken. */
  printed: string;
  /** Hosts that ssh cannot reach. */
  readonly unreachable: Set<string>;
  /** This machine's id. */
  machineId: string | undefined;
  readonly clock: Clock;
  readonly seenGlobals: Globals[];
  run(...argv: string[]): Promise<Result>;
}

export interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** fleetctl in memory: a fake cluster, files that are a map, a clock that jumps to whatever is slept for. */
export function bench(): Bench {
  let now = 0;
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    sleep: async (ms) => {
      now += ms;
      // A wait that never ends would hang the test without its time-out ever being looked at.
      if (now > 3_600_000) throw new Error("fleetctl has waited for an hour");
    },
  };
  const self: Bench = {
    fleet: fakeFleet(),
    files: new Map(),
    env: {},
    here: [],
    there: [],
    exit: 0,
    printed: "",
    unreachable: new Set(),
    machineId: undefined,
    clock,
    seenGlobals: [],
    run: async (...argv) => {
      const [stdout, stderr] = [new PassThrough(), new PassThrough()];
      const code = await fleetctl(argv, worldOf(self, stdout, stderr));
      return { code, out: drain(stdout), err: drain(stderr) };
    },
  };
  return self;
}

function drain(stream: PassThrough): string {
  return String((stream.read() as Buffer | null) ?? "");
}

function worldOf(self: Bench, stdout: PassThrough, stderr: PassThrough): World {
  return {
    stdin: new PassThrough(),
    stdout,
    stderr,
    env: self.env,
    clock: self.clock,
    version: "1.2.3",
    readFile: async (path) => self.files.get(path),
    machineId: async () => self.machineId,
    runHere: async (argv, output) => {
      self.here.push(argv);
      output?.write(self.printed);
      return self.exit;
    },
    connect: (globals) => {
      self.seenGlobals.push(globals);
      return {
        fleet: async () => self.fleet,
        remote: async () => ({
          run: async (target, command, output) => {
            self.there.push({ target, command });
            if (self.unreachable.has(target.host)) {
              throw new AppError("E_NODE_UNREACHABLE", `core@${target.host} did not answer within 10 s`);
            }
            output?.write(self.printed);
            return self.exit;
          },
        }),
        close: async () => undefined,
      };
    },
  };
}
