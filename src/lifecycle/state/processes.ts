import { kill, pid } from "node:process";
import { readIfExists } from "../../foundation/files.ts";
import type { Processes } from "./lock.ts";

/** The processes of this host. On Linux a process is told from a later namesake by its start time. */
export function hostProcesses(): Processes {
  return {
    pid,
    started: async (other) => {
      if (!isAlive(other)) return undefined;
      const stat = await readIfExists(`/proc/${other}/stat`);
      // The second field is a name in parentheses and may hold anything; what follows it are fields 3, 4, …
      const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
      // A zombie has done its work; only its parent has not looked yet.
      if (fields?.[0] === "Z" || fields?.[0] === "X") return undefined;
      return fields?.[19] ?? "?";
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
