import { randomBytes } from "node:crypto";
import { readIfExists, writeAtomically } from "../foundation/files.ts";

/** What a restarted fleetd must know to be taken for the same one. */
interface SessionMemory {
  /** Made once per boot. */
  readonly nonce: string;
  /** The lease that an earlier fleetd of this boot may have left. */
  readonly leaseId: string | undefined;
  /** Which registry its units belong to (see Mirror.origin), and where that was. */
  readonly origin: string | undefined;
  readonly etcd: string | undefined;
}

/** A file in /run, which does not survive a reboot. */
interface SessionFile {
  /** What was kept under this boot id; else a new nonce, which is kept before it is given. */
  read(bootId: string): Promise<SessionMemory>;
  keep(bootId: string, memory: SessionMemory): Promise<void>;
}

function createSessionFile(path: string): SessionFile {
  const keep: SessionFile["keep"] = (bootId, memory) =>
    writeAtomically(path, `${JSON.stringify({ bootId, ...memory })}\n`, { mode: 0o600 });
  return {
    keep,
    read: async (bootId) => {
      const kept = parse(await readIfExists(path));
      if (kept?.["bootId"] === bootId && typeof kept["nonce"] === "string") {
        const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
        return {
          nonce: kept["nonce"],
          leaseId: text(kept["leaseId"]),
          origin: text(kept["origin"]),
          etcd: text(kept["etcd"]),
        };
      }
      const fresh = {
        nonce: randomBytes(16).toString("hex"),
        leaseId: undefined,
        origin: undefined,
        etcd: undefined,
      };
      await keep(bootId, fresh);
      return fresh;
    },
  };
}

/** The session of an earlier fleetd of this boot as the next one takes it up, and what that keeps for the one after. */
export interface TakenSession extends Pick<SessionMemory, "nonce" | "leaseId" | "origin"> {
  readonly keepLease: (leaseId: string | undefined) => Promise<void>;
  readonly keepOrigin: (origin: string) => Promise<void>;
}

/** @param path of the file that keeps it @param etcd where the registry is */
export async function takeUpSession(path: string, bootId: string, etcd: string): Promise<TakenSession> {
  const file = createSessionFile(path);
  let memory = await file.read(bootId);
  let kept: Promise<void> = Promise.resolve();
  const remember = (what: Partial<SessionMemory>): Promise<void> => {
    memory = { ...memory, ...what };
    // One after the other: the last one written is the newest.
    kept = kept.catch(() => undefined).then(() => file.keep(bootId, memory));
    return kept;
  };
  const { nonce, leaseId } = memory;
  return {
    nonce,
    leaseId,
    keepLease: (lease) => remember({ leaseId: lease }),
    // Whoever names another etcd wants another registry; it has not been lost.
    origin: memory.etcd === etcd ? memory.origin : undefined,
    keepOrigin: (origin) => remember({ origin, etcd }),
  };
}

/** A file that does not parse is as good as none. */
function parse(text: string | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text ?? "null");
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
