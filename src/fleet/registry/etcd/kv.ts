import type { MessageInitShape } from "@bufbuild/protobuf";
import type { CallSettings, Members } from "./members.ts";
import type { CompareSchema, KeyValue, RequestOpSchema, ResponseOp, TxnResponse } from "./etcd_pb.js";
import { Compare_Result, Compare_Target } from "./etcd_pb.js";

export type Guard = MessageInitShape<typeof CompareSchema>;
export type Step = MessageInitShape<typeof RequestOpSchema>;

export interface Transaction {
  /** All must hold. */
  readonly when: readonly Guard[];
  readonly then: readonly Step[];
  readonly otherwise?: readonly Step[];
}

/** One record as etcd keeps it. */
export interface Record {
  readonly key: string;
  readonly value: string;
  readonly created: bigint;
  readonly modified: bigint;
  readonly lease: bigint;
}

export interface TransactionResult {
  readonly held: boolean;
  readonly revision: bigint;
  /** What the read steps found, in their order; the first record of each. */
  readonly found: readonly (Record | undefined)[];
  /** Whether any step but the last wrote or removed something. */
  readonly wroteBeforeLast: boolean;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const bytes = (text: string): Uint8Array => encoder.encode(text);
export const text = (raw: Uint8Array): string => decoder.decode(raw);

function toRecord(kv: KeyValue): Record {
  return {
    key: text(kv.key),
    value: text(kv.value),
    created: kv.createRevision,
    modified: kv.modRevision,
    lease: kv.lease,
  };
}

/** The end of the range of all keys that start with `prefix`. */
export function endOf(prefix: string): Uint8Array {
  const end = bytes(prefix);
  const last = end.length - 1;
  end[last] = (end[last] ?? 0) + 1;
  return end;
}

/** The key does not exist. */
export function absent(key: string): Guard {
  return createdAt(key, 0n);
}

/** The key exists. */
export function present(key: string): Guard {
  return { ...createdAt(key, 0n), result: Compare_Result.GREATER };
}

/** The key is still the one that was created at `revision`. */
export function createdAt(key: string, revision: bigint): Guard {
  return {
    key: bytes(key),
    target: Compare_Target.CREATE,
    result: Compare_Result.EQUAL,
    operand: { case: "createRevision", value: revision },
  };
}

/** Nobody wrote the key since it was written at `revision`; 0n: it does not exist. */
export function modifiedAt(key: string, revision: bigint): Guard {
  return {
    key: bytes(key),
    target: Compare_Target.MOD,
    result: Compare_Result.EQUAL,
    operand: { case: "modRevision", value: revision },
  };
}

/** Nobody wrote the key after `revision`. Holds for a key that does not exist. */
export function untouchedSince(key: string, revision: bigint): Guard {
  return {
    key: bytes(key),
    target: Compare_Target.MOD,
    result: Compare_Result.LESS,
    operand: { case: "modRevision", value: revision + 1n },
  };
}

export function put(key: string, value: string, lease = 0n): Step {
  return { request: { case: "requestPut", value: { key: bytes(key), value: bytes(value), lease } } };
}

export function remove(key: string): Step {
  return { request: { case: "requestDeleteRange", value: { key: bytes(key) } } };
}

export function read(key: string): Step {
  return { request: { case: "requestRange", value: { key: bytes(key) } } };
}

/** A transaction inside a transaction: when its own guards fail, it alone does nothing. */
export function only(when: readonly Guard[], then: readonly Step[]): Step {
  return {
    request: { case: "requestTxn", value: { compare: [...when], success: [...then] } },
  };
}

/** Carries a transaction out, through whichever member answers first. */
export async function transact(
  members: Members,
  transaction: Transaction,
  settings: CallSettings = {},
): Promise<TransactionResult> {
  const request = requestOf(transaction);
  const response = await members.call(
    "transaction",
    (member, options) => member.kv.txn(request, options),
    settings,
  );
  return resultOf(response, response.header?.revision ?? 0n);
}

/** Carries several out in one request, each under its own guards. They must not write the same record. */
export async function transactEach(
  members: Members,
  transactions: readonly Transaction[],
  settings: CallSettings = {},
): Promise<TransactionResult[]> {
  const success = transactions.map((each): Step => ({
    request: { case: "requestTxn", value: requestOf(each) },
  }));
  const response = await members.call(
    "transactions",
    (member, options) => member.kv.txn({ compare: [], success, failure: [] }, options),
    settings,
  );
  return response.responses.flatMap(({ response: { case: kind, value } }) =>
    kind === "responseTxn" ? [resultOf(value, response.header?.revision ?? 0n)] : [],
  );
}

function requestOf({ when, then, otherwise = [] }: Transaction): {
  compare: Guard[];
  success: Step[];
  failure: Step[];
} {
  return { compare: [...when], success: [...then], failure: [...otherwise] };
}

function resultOf(response: TxnResponse, revision: bigint): TransactionResult {
  return {
    held: response.succeeded,
    revision,
    found: foundIn(response),
    wroteBeforeLast: response.responses.slice(0, -1).some(hasWritten),
  };
}

function foundIn(response: TxnResponse): (Record | undefined)[] {
  return response.responses.flatMap(({ response: { case: kind, value } }) => {
    if (kind !== "responseRange") return [];
    const [first] = value.kvs;
    return [first && toRecord(first)];
  });
}

function hasWritten({ response: { case: kind, value } }: ResponseOp): boolean {
  if (kind === "responsePut") return true;
  if (kind === "responseDeleteRange") return value.deleted > 0n;
  return kind === "responseTxn" && value.responses.some(hasWritten);
}
