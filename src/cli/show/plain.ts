import type { Writable } from "node:stream";
import { eventLine } from "./words.ts";
import type { Reporter } from "./reporter.ts";

/** One line per event that matters, on standard error: for logs and pipes. */
export function plainReporter(stderr: Writable): Reporter {
  return {
    emit: (event) => {
      const line = eventLine(event);
      if (line !== undefined) stderr.write(`${line}\n`);
    },
    end: () => Promise.resolve(),
  };
}
