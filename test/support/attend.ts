import { systemClock } from "../../src/foundation/clock.ts";
import { lineLog } from "../../src/foundation/log.ts";
import { attend } from "../../src/provider/vagrant/attend.ts";

// What `cluster attend DIR` does, without the rest of the command line.
const ending = new AbortController();
process.on("SIGTERM", () => ending.abort());
await attend(process.argv[2] ?? "", {
  clock: systemClock(),
  log: lineLog({ write: (line) => process.stderr.write(`${line}\n`), level: "debug", style: "plain" }),
  signal: ending.signal,
});
process.exit(0);
