import { randomUUID } from "node:crypto";
import { AppError } from "../../../foundation/errors.ts";
import type { Step } from "./kv.ts";
import { modifiedAt, put, read, remove, transact } from "./kv.ts";
import type { CallSettings, Members } from "./members.ts";

/** etcd takes 128 operations in a transaction. */
const largestBatch = 100;
/** Bytes; etcd takes 1.5 MiB in a request. */
const largestRequest = 1_000_000;

export interface Write {
  readonly key: string;
  /** Removed when undefined. */
  readonly value: string | undefined;
}

/** The writes of one machine, in order. */
export interface Batches {
  /** Resolves when the write was carried out. Many at once share transactions. */
  write(write: Write, signal?: AbortSignal): Promise<void>;
}

interface Waiting extends Write {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export interface BatchesOptions {
  readonly members: Members;
  readonly lease: bigint;
  /** The record that each batch writes; see createBatches. */
  readonly markKey: string;
  readonly settings: () => CallSettings;
  /** Makes our own error of one of etcd's. */
  readonly failed: (error: unknown) => unknown;
}

/**
 * Collects writes while one transaction is under way, then sends them as the next. One transaction at a time, and each
 * holds only if `markKey` is as the one before left it: so a request that reaches etcd a second time, late, through a
 * member that was frozen, changes nothing.
 */
export function createBatches(options: BatchesOptions): Batches {
  let queue: Waiting[] = [];
  let running = false;
  let mark: bigint | undefined;

  const drain = async (): Promise<void> => {
    running = true;
    while (queue.length > 0) {
      const batch = nextBatch(queue);
      queue = queue.slice(batch.length);
      try {
        mark = await send(options, batch, mark);
        for (const { resolve } of batch) resolve();
      } catch (error) {
        // What is on the way may still arrive: the next batch looks at the mark afresh.
        mark = undefined;
        for (const { reject } of batch) reject(options.failed(error));
      }
    }
    running = false;
  };
  return {
    write: (write, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason as Error);
        const give = (up: () => void): void => {
          signal?.removeEventListener("abort", abort);
          up();
        };
        const abort = (): void => reject(signal?.reason as Error);
        signal?.addEventListener("abort", abort, { once: true });
        queue.push({
          ...write,
          resolve: () => give(resolve),
          reject: (error) => give(() => reject(error)),
        });
        if (!running) queueMicrotask(() => void (running || drain()));
        return undefined;
      }),
  };
}

/** As many as fit into one transaction; a key may be in it only once. */
function nextBatch(queue: readonly Waiting[]): Waiting[] {
  const keys = new Set<string>();
  let size = 0;
  for (const [index, { key, value = "" }] of queue.entries()) {
    size += key.length + Buffer.byteLength(value);
    if (keys.has(key) || index >= largestBatch || (index > 0 && size > largestRequest))
      return queue.slice(0, index);
    keys.add(key);
  }
  return [...queue];
}

async function send(
  { members, lease, markKey, settings }: BatchesOptions,
  batch: readonly Write[],
  known: bigint | undefined,
): Promise<bigint> {
  const id = randomUUID();
  const steps = batch.map(({ key, value }): Step =>
    value === undefined ? remove(key) : put(key, value, lease),
  );
  let mark = known ?? (await readMark(members, markKey, settings()));
  for (let attempt = 0; attempt < 3; attempt++) {
    const result = await transact(
      members,
      {
        when: [modifiedAt(markKey, mark)],
        then: [...steps, put(markKey, id, lease)],
        otherwise: [read(markKey)],
      },
      settings(),
    );
    if (result.held) return result.revision;
    const [found] = result.found;
    if (found?.value === id) return found.modified;
    mark = found?.modified ?? 0n;
  }
  throw new AppError("E_ETCD", `somebody else writes in this machine's name (${markKey})`);
}

async function readMark(members: Members, key: string, settings: CallSettings): Promise<bigint> {
  const { found } = await transact(members, { when: [], then: [read(key)] }, settings);
  return found[0]?.modified ?? 0n;
}
