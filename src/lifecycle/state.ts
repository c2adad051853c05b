import { join } from "node:path";
import { z } from "zod";
import { AppError } from "../foundation/errors.ts";
import { readIfExists, writeAtomically } from "../foundation/files.ts";
import { makeFolder, ownedBy, type Owner } from "./owner.ts";

/** What we remember of one machine. */
const machineState = z.strictObject({
  /** 32 hex digits; stable for the life of the machine. */
  machineId: z.string().regex(/^[0-9a-f]{32}$/),
  address: z.string(),
  etcdMember: z.boolean(),
  /** `creating` while its disk is being made: such a machine is thrown away, never repaired. */
  created: z.enum(["no", "creating", "created"]),
  /** SHA-256 of the user-data that it was given last. */
  userDataHash: z.string().optional(),
});

const clusterState = z.strictObject({
  version: z.literal(1),
  name: z.string(),
  /** Chosen by the first `up`, then fixed. */
  provider: z.enum(["virtualbox", "libvirt", "nspawn", "ssh"]),
  machines: z.record(z.string(), machineState),
  /** SHA-256 of each service file that `up` has submitted, by unit name. */
  services: z.record(z.string(), z.string()),
});

export type MachineState = Readonly<z.infer<typeof machineState>>;
export type ClusterState = Readonly<z.infer<typeof clusterState>>;

/** `state.json` of one cluster. */
export interface StateFile {
  /** Undefined when the cluster has never been brought up. */
  read(): Promise<ClusterState | undefined>;
  write(state: ClusterState): Promise<void>;
  /** Changes what is on disk now; changes never overtake each other. Throws when there is no state. */
  update(change: (state: ClusterState) => ClusterState): Promise<ClusterState>;
}

/** The state file in `stateDir` (made with 0700 on the first write). */
export function stateFile(stateDir: string, owner: Owner | undefined): StateFile {
  const path = join(stateDir, "state.json");
  let last: Promise<unknown> = Promise.resolve();
  const read = async (): Promise<ClusterState | undefined> => {
    const text = await readIfExists(path);
    return text === undefined ? undefined : parseState(text, path);
  };
  const write = async (state: ClusterState): Promise<void> => {
    await makeFolder(stateDir, 0o700, owner);
    await writeAtomically(path, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600, ...ownedBy(owner) });
  };
  const change = async (step: (state: ClusterState) => ClusterState): Promise<ClusterState> => {
    const now = await read();
    if (now === undefined) throw new AppError("E_BUG", `there is no state in ${path} to change`);
    const next = step(now);
    await write(next);
    return next;
  };
  return {
    read,
    write,
    update: (step) => {
      const mine = last.then(() => change(step));
      last = mine.catch(() => undefined);
      return mine;
    },
  };
}

/** The state with some fields of one machine replaced. */
export function withMachine(state: ClusterState, name: string, change: Partial<MachineState>): ClusterState {
  const machine = state.machines[name];
  if (machine === undefined) throw new AppError("E_BUG", `the state knows no machine ${name}`);
  return { ...state, machines: { ...state.machines, [name]: { ...machine, ...change } } };
}

function parseState(text: string, path: string): ClusterState {
  const hint =
    "if it was edited by hand, undo that; else 'cluster destroy' removes the cluster and its state";
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    throw new AppError("E_STATE_CONFLICT", `the state file ${path} is not JSON`, { cause: error, hint });
  }
  const version = (data as { version?: unknown } | null)?.version;
  if (typeof version === "number" && version > 1) {
    throw new AppError("E_STATE_CONFLICT", `the state file ${path} was written by a newer flotilla`, {
      hint: "use the version that made this cluster",
    });
  }
  const checked = clusterState.safeParse(data);
  if (checked.success) return checked.data;
  const details = checked.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new AppError("E_STATE_CONFLICT", `the state file ${path} is damaged`, { details, hint });
}
