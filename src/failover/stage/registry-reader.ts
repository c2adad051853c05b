import { PassThrough } from "node:stream";
import { createInterface } from "node:readline";
import { shellQuote } from "../../foundation/exec.ts";
import { silentLog } from "../../foundation/log.ts";
import type { SshConnection } from "../../foundation/ssh.ts";
import { createDecoder, type Decoder } from "../../fleet/registry/etcd/codec.ts";
import { releasesIn, type Change } from "../../fleet/registry/replica.ts";
import { layoutAt } from "../../fleet/registry/etcd/layout.ts";
import type { RegistryRecord } from "../history/history.ts";
import type { RegistryReading } from "./stage.ts";

/** Where fleet keeps its registry. */
const prefix = "/flotilla/fleet/v1/";

export interface ReadRequest {
  /** The machines' names by their ids. */
  readonly names: ReadonlyMap<string, string>;
  /** How long the first read may take, ms. */
  readonly within: number;
  readonly signal: AbortSignal;
}

/**
 * Follows fleet's registry by etcd's own client on a node: all of it at first, then each change as etcd tells it. The
 * first read needs a quorum; without one this ends.
 */
export async function* readRegistry(
  connect: () => Promise<SshConnection>,
  { names, within, signal }: ReadRequest,
): AsyncGenerator<RegistryReading> {
  const connection = await connect();
  const [output, input] = [new PassThrough(), new PassThrough()];
  const ended = connection
    .exec(followCommand(within), { stdin: input, stdout: output, signal })
    .catch(() => undefined)
    .finally(() => output.end());
  try {
    const decoder = createDecoder(layoutAt(prefix), silentLog());
    for await (const line of createInterface({ input: output })) {
      const reading = readingOf(line, decoder, names);
      if (reading !== undefined) yield reading;
    }
  } finally {
    input.end();
    void connection.end();
    await ended;
  }
}

/** The client ends with our end of standard input, also when the connection breaks: nothing stays on the node. */
function followCommand(within: number): string {
  const key = shellQuote(prefix);
  return [
    "export ETCDCTL_API=3",
    `all=$(etcdctl --command-timeout=${within}ms get --prefix ${key} -w json) || exit 1`,
    `printf '%s\\n' "$all"`,
    `revision=$(printf '%s' "$all" | sed -n 's/^{"header":{[^}]*"revision":\\([0-9]*\\).*/\\1/p')`,
    `etcdctl watch --prefix ${key} --rev $((revision + 1)) -w json & watch=$!`,
    "{ cat >/dev/null; kill $watch; } <&0 2>/dev/null & wait $watch",
  ].join("\n");
}

/** A key and its value as etcdctl prints them, in base64. */
interface Pair {
  readonly key: string;
  readonly value?: string;
}

/** What etcdctl prints: an answer to a read, or one message of a watch. */
interface Printed {
  readonly header?: { readonly revision: number };
  readonly kvs?: readonly Pair[];
  readonly Header?: { readonly revision: number };
  readonly Events?: readonly { readonly type?: number; readonly kv: Pair }[] | null;
}

const plain = (base64: string | undefined): string => Buffer.from(base64 ?? "", "base64").toString("utf8");

/** Reads one line of etcdctl's JSON; undefined when it says nothing of ours. */
export function readingOf(
  line: string,
  decoder: Decoder,
  names: ReadonlyMap<string, string>,
): RegistryReading | undefined {
  const printed = parsed(line);
  const pairs =
    printed?.header === undefined
      ? (printed?.Events ?? []).map(({ type, kv }) => ({ kv, gone: type === 1 }))
      : (printed.kvs ?? []).map((kv) => ({ kv, gone: false }));
  const decoded = pairs.flatMap(
    ({ kv, gone }) => decoder.decode(plain(kv.key), gone ? undefined : plain(kv.value), 0n) ?? [],
  );
  const releases = releasesIn(decoded);
  const changes = decoded.flatMap((change) => recordOf(change, releases, names) ?? []);
  if (printed?.header !== undefined) return { revision: printed.header.revision, whole: true, changes };
  if (printed?.Header === undefined || changes.length === 0) return undefined;
  return { revision: printed.Header.revision, whole: false, changes };
}

function parsed(line: string): Printed | undefined {
  try {
    return JSON.parse(line) as Printed;
  } catch {
    return undefined;
  }
}

function recordOf(
  change: Change,
  releases: ReadonlyMap<string, string>,
  names: ReadonlyMap<string, string>,
): RegistryRecord | undefined {
  const nameOf = (id: string): string => names.get(id) ?? id;
  switch (change.kind) {
    case "machine":
      return { type: "machine", machine: nameOf(change.id), present: change.value !== undefined };
    case "leader":
      return { type: "leader", machine: change.value === undefined ? undefined : nameOf(change.value) };
    case "placement": {
      const machine = change.value === undefined ? undefined : nameOf(change.value.machineID);
      const reason = change.value === undefined ? releases.get(change.unit) : change.value.reason;
      return { type: "placement", unit: change.unit, machine, ...(reason === undefined ? {} : { reason }) };
    }
    case "refusal":
      return { type: "refusal", unit: change.unit, summary: change.value?.summary };
    case "state": {
      const active = change.value?.active;
      return { type: "state", unit: change.unit, machine: nameOf(change.machineID), active };
    }
    case "unit": {
      const options = (change.value?.options ?? []).map(
        ({ section, name, value }) => `${section}/${name}=${value}`,
      );
      return { type: "unit", unit: change.name, desired: change.value?.desired, options };
    }
    default:
      return undefined;
  }
}
