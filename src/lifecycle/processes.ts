import { kill, pid } from "node:process";
import { readIfExists } from "../foundation/files.ts";
import type { Processes } from "./lock.ts";

/** The processes of this host. On Linux a process is told from a later namesake by its start time. */
export function hostProcesses(): Processes {
  return {
    pid,
    started: async (other) => {
      if (!isAlive(other)) return undefined;
      const stat = await readIfExists(`/proc/${other}/stat`);
      // Field 22; the second field is a name in parentheses and may hold anything.
      return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "?";
    },
  };
}

function isAlive(other: number): boolean {
  try {
    kill(other, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
