import { systemClock } from "../../src/foundation/clock.ts";
import { hostExec } from "../../src/foundation/exec.ts";
import { lineLog } from "../../src/foundation/log.ts";
import { runSupervisor } from "../../src/provider/nspawn/supervisor/run.ts";

// What `cluster supervise DIR` does, without the rest of the command line.
const ending = new AbortController();
process.on("SIGTERM", () => ending.abort());
await runSupervisor({
  stateDir: process.argv[2] ?? "",
  exec: hostExec(),
  clock: systemClock(),
  log: lineLog({ write: (line) => process.stderr.write(`${line}\n`), level: "debug", style: "plain" }),
  signal: ending.signal,
});
process.exit(0);
