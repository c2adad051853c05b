import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { readIfExists, writeAtomically } from "../foundation/files.ts";

/** What a restarted fleetd must know to be taken for the same one. */
export interface SessionMemory {
  /** Made once per boot. */
  readonly nonce: string;
  /** The lease that an earlier fleetd of this boot may have left. */
  readonly leaseId: string | undefined;
  /** Which registry its units belong to (see Mirror.origin), and where that was. */
  readonly origin: string | undefined;
  readonly etcd: string | undefined;
}

/** A file in /run, which does not survive a reboot. */
export interface SessionFile {
  /** What was kept under this boot id; else a new nonce, which is kept before it is given. */
  read(bootId: string): Promise<SessionMemory>;
  keep(bootId: string, memory: SessionMemory): Promise<void>;
  forget(): Promise<void>;
}

export function createSessionFile(path: string): SessionFile {
  const keep: SessionFile["keep"] = (bootId, memory) =>
    writeAtomically(path, `${JSON.stringify({ bootId, ...memory })}\n`, { mode: 0o600 });
  return {
    keep,
    forget: () => rm(path, { force: true }),
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

/** A file that does not parse is as good as none. */
function parse(text: string | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text ?? "null");
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
