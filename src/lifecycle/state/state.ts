import { join } from "node:path";
import { AppError } from "../../foundation/errors.ts";
import { readIfExists, writeAtomically } from "../../foundation/files.ts";
import { makeFolder, ownedBy, type Owner } from "./owner.ts";

const providers = ["virtualbox", "libvirt", "nspawn", "ssh"] as const;
const marks = ["no", "creating", "created"] as const;

/** What we remember of one machine. */
export interface MachineState {
  /** 32 hex digits; stable for the life of the machine. */
  readonly machineId: string;
  readonly address: string;
  readonly etcdMember: boolean;
  /** `creating` while its disk is being made: such a machine is thrown away, never repaired. */
  readonly created: (typeof marks)[number];
  /** An etcd member that was made again after the cluster had formed: it joined as a new one. */
  readonly again?: boolean;
  /** Its etcd was taken off the cluster's members, and must be added again before the machine is made anew. */
  readonly etcdLeft?: boolean;
  /** The members when its etcd was added, itself included; absent: it has been there from the beginning. */
  readonly etcdPeers?: readonly string[];
  /** It was taken out since cluster.yaml no longer has it. */
  readonly removed?: boolean;
  /** SHA-256 of the user-data that it was given last. */
  readonly userDataHash?: string;
}

export interface ClusterState {
  readonly version: 1;
  readonly name: string;
  /** Chosen by the first `up`, then fixed. */
  readonly provider: (typeof providers)[number];
  readonly machines: Readonly<Record<string, MachineState>>;
  /** How etcd's members find each other; undefined when they are listed. */
  readonly discovery?: DiscoveryState;
  /** Whether etcd's members have found each other. */
  readonly formed?: boolean;
  /** SHA-256 of each service file that `up` has submitted, by unit name. */
  readonly services: Readonly<Record<string, string>>;
}

/** A token is for one cluster: kept until all of it is destroyed. */
export interface DiscoveryState {
  /** As in cluster.yaml. */
  readonly wish: string;
  /** The token's. */
  readonly url: string;
  /** For how many members it is. */
  readonly size: number;
}

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

/** The state of a machine of which nothing is left: the next one of that name is another machine. */
export function withoutMachine(state: ClusterState, name: string, machineId: string): ClusterState {
  const machine = state.machines[name];
  if (machine === undefined) throw new AppError("E_BUG", `the state knows no machine ${name}`);
  const { address, etcdMember, etcdLeft } = machine;
  const left = etcdLeft === true ? { etcdLeft } : {};
  const empty: MachineState = { machineId, address, etcdMember, created: "no", ...left };
  return { ...state, machines: { ...state.machines, [name]: empty } };
}

/** The machines that etcd counts as its members, whether they run or not. */
export function etcdMembersIn(state: ClusterState): readonly string[] {
  const members = Object.entries(state.machines).filter(
    ([, { etcdMember, etcdLeft }]) => etcdMember && etcdLeft !== true,
  );
  return members.map(([name]) => name);
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
  const details = problemsOf(data);
  if (details.length === 0) return data as ClusterState;
  throw new AppError("E_STATE_CONFLICT", `the state file ${path} is damaged`, { details, hint });
}

/** What is wrong with the data. By hand rather than with zod, which alone would cost `status` a sixth of its time. */
function problemsOf(data: unknown): string[] {
  if (!isObject(data)) return ["it is no object"];
  const { version, name, provider, machines, services, discovery } = data;
  const shape = [
    ...wrong("version", version === 1),
    ...wrong("name", typeof name === "string"),
    ...wrong(
      "provider",
      providers.some((one) => one === provider),
    ),
    ...wrong("machines", isObject(machines)),
    ...wrong(
      "discovery",
      discovery === undefined || (isObject(discovery) && typeof discovery["url"] === "string"),
    ),
    ...wrong(
      "services",
      isObject(services) && Object.values(services).every((hash) => typeof hash === "string"),
    ),
  ];
  const known = isObject(machines) ? Object.entries(machines) : [];
  return [...shape, ...known.flatMap(([machine, value]) => machineProblems(`machines.${machine}`, value))];
}

function machineProblems(where: string, value: unknown): string[] {
  if (!isObject(value)) return [`${where} is no object`];
  const { machineId, address, etcdMember, created, userDataHash, etcdLeft, etcdPeers, removed } = value;
  return [
    ...wrong(`${where}.machineId`, typeof machineId === "string" && /^[0-9a-f]{32}$/.test(machineId)),
    ...wrong(`${where}.address`, typeof address === "string"),
    ...wrong(`${where}.etcdMember`, typeof etcdMember === "boolean"),
    ...wrong(
      `${where}.created`,
      marks.some((mark) => mark === created),
    ),
    ...wrong(`${where}.etcdLeft`, etcdLeft === undefined || typeof etcdLeft === "boolean"),
    ...wrong(`${where}.etcdPeers`, etcdPeers === undefined || isNames(etcdPeers)),
    ...wrong(`${where}.removed`, removed === undefined || typeof removed === "boolean"),
    ...wrong(`${where}.userDataHash`, userDataHash === undefined || typeof userDataHash === "string"),
  ];
}

function isNames(value: unknown): boolean {
  return Array.isArray(value) && value.every((name) => typeof name === "string");
}

function wrong(where: string, right: boolean): string[] {
  return right ? [] : [`${where} is not what it should be`];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
