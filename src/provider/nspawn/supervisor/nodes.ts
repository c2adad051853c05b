import { waitFor } from "../../../foundation/clock.ts";
import { AppError, messageOf } from "../../../foundation/errors.ts";
import { lastLines } from "../../../foundation/exec.ts";
import { readIfExists } from "../../../foundation/files.ts";
import { createGate, type Gate } from "../../../foundation/gate.ts";
import { signalQuietly } from "../../../foundation/signal.ts";
import { rebootExit } from "../machine.ts";
import { readPower, writePower } from "../power.ts";
import type { NodeRecord } from "../record.ts";
import { noMachine } from "../../no-machine.ts";
import { nodePaths, readNode, readNodes } from "../record.ts";
import { beginBoot, cgroupOf, clearAway, comesUp, endOf, processOne } from "./switch.ts";
import type { SupervisorTools } from "./tools.ts";

/** The power of the cluster's nodes: switches, and the watch over nodes that end by themselves. */
export interface Nodes {
  start(node: string): Promise<void>;
  halt(node: string): Promise<void>;
  kill(node: string): Promise<void>;
  /** Takes over nodes that an earlier supervisor started, and finishes what it left unfinished. */
  adopt(): Promise<void>;
  /** From now on nobody is brought back: the cluster is being removed. */
  retire(): void;
  /** Looks which nodes have ended since the last look; restarts those in which `reboot` was typed. */
  reap(): Promise<void>;
}

/** systemd's own stop jobs may take 90 s before it kills what hangs. */
const haltPatience = 110_000;
/** SIGRTMIN+4 asks systemd for a clean power-off; sent again because an init that is just starting is deaf. */
const [powerOffSignal, askAgain] = [38, 500];

/** The switchboard: which nodes are meant to be on, and whose switch is being turned. */
interface Board extends SupervisorTools {
  /** Nodes that are meant to be on: the id of their boot, which also names the file of their exit code. */
  readonly boots: Map<string, string>;
  /** One switch at a time for each node. */
  inTurn<T>(node: string, action: () => Promise<T>): Promise<T>;
}

export function createNodes(tools: SupervisorTools): Nodes {
  const board: Board = { ...tools, boots: new Map(), inTurn: turns() };
  return {
    start: (node) => board.inTurn(node, () => powerOn(board, node)),
    kill: (node) => board.inTurn(node, () => cutPower(board, node)),
    halt: (node) => powerOff(board, node),
    adopt: () => adopt(board),
    retire: () => board.boots.clear(),
    reap: async () => {
      const looks = [...board.boots].map(([node, boot]) =>
        reapOne(board, node, boot).catch((error: unknown) =>
          board.log.error("node lost", { node, error: messageOf(error) }),
        ),
      );
      await Promise.all(looks);
    },
  };
}

function turns(): Board["inTurn"] {
  const gates = new Map<string, Gate>();
  return (node, action) => {
    const gate = gates.get(node) ?? createGate(1);
    gates.set(node, gate);
    return gate.pass(action);
  };
}

async function powerOn(board: Board, node: string): Promise<void> {
  const record = await mustRead(board, node);
  if (board.boots.has(node) && (await cgroupOf(board, node).populated())) return;
  const boot = await beginBoot(board, record);
  board.boots.set(node, boot);
  if (!(await comesUp(board, node, boot))) {
    board.boots.delete(node);
    await clearAway(board, record);
    throw await doesNotStart(board, node);
  }
  await notePower(board, node, "running", boot);
  board.log.info("node started", { node });
}

async function doesNotStart(tools: SupervisorTools, node: string): Promise<AppError> {
  const text = (await readIfExists(nodePaths(stateOf(tools), node).console)) ?? "";
  return new AppError("E_COMMAND_FAILED", `the machine ${node} does not start`, {
    details: lastLines(text, 6),
    hint: `its console is 'cluster logs ${node}'`,
  });
}

async function cutPower(board: Board, node: string): Promise<void> {
  const record = await mustRead(board, node);
  const wasOn = board.boots.delete(node) || (await cgroupOf(board, node).populated());
  await clearAway(board, record);
  if (!wasOn) return;
  await notePower(board, node, "stopped");
  board.log.info("node killed", { node });
}

/** Asks the node's systemd to power off, again and again, and waits until it has. */
async function powerOff(board: Board, node: string): Promise<void> {
  const { boots, clock } = board;
  await mustRead(board, node);
  let asked = -askAgain;
  const off = await waitFor(
    async () => {
      const boot = boots.get(node);
      if (boot !== undefined) await reapOne(board, node, boot);
      if (!boots.has(node) && !(await cgroupOf(board, node).populated())) return true;
      if (clock.monotonic() - asked < askAgain) return undefined;
      asked = clock.monotonic();
      const init = await processOne(board, node);
      if (init !== undefined) signalQuietly(init, powerOffSignal);
      return undefined;
    },
    { clock, every: 20, within: haltPatience },
  );
  // What follows the end of a node (its record, its cgroups) is done when its turn is over.
  if (off !== undefined) return await board.inTurn(node, () => Promise.resolve());
  throw new AppError("E_TIMEOUT", `${node} did not shut down within ${haltPatience / 1_000} s`, {
    hint: `see what it waits for with 'cluster logs ${node}', or cut its power with 'cluster kill ${node}'`,
  });
}

async function adopt(board: Board): Promise<void> {
  for (const { name } of await readNodes(stateOf(board))) {
    const power = await readPower(board.names, name);
    if (power?.state !== "running") continue;
    board.boots.set(name, power.boot);
    board.log.info("node taken over", { node: name });
  }
}

async function reapOne(board: Board, node: string, boot: string): Promise<void> {
  if ((await endOf(board, node, boot)) === undefined) return;
  await board.inTurn(node, async () => {
    // Asked again: until our turn came, it may have been switched, or was perhaps only just being started.
    const end = board.boots.get(node) === boot ? await endOf(board, node, boot) : undefined;
    if (end === undefined) return;
    board.boots.delete(node);
    const record = await readNode(stateOf(board), node);
    if (record === undefined) return;
    await clearAway(board, record);
    board.log.info("node ended", { node, code: end.code });
    if (end.code === rebootExit) await powerOn(board, node);
    else await notePower(board, node, "stopped");
  });
}

const stateOf = ({ config }: SupervisorTools): { stateDir: string } => ({ stateDir: config().stateDir });

async function mustRead(tools: SupervisorTools, node: string): Promise<NodeRecord> {
  const record = await readNode(stateOf(tools), node);
  if (record === undefined) throw noMachine(node);
  return record;
}

async function notePower(
  { names, clock }: SupervisorTools,
  node: string,
  state: "running" | "stopped",
  boot = "",
): Promise<void> {
  await writePower(names, node, { state, since: clock.now(), boot });
}
