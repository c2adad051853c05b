#!/usr/bin/env node
// Runs a script with the pinned Node 24 from our own dependencies, whatever Node started us:
//   node scripts/with-node24.js SCRIPT ARGS…
// Plain JavaScript, because an older Node cannot read TypeScript.
import { spawn } from "node:child_process";
import { delimiter, dirname } from "node:path";
import { findNode24 } from "./node24.js";

const node = findNode24();
const child = spawn(node, process.argv.slice(2), {
  stdio: "inherit",
  env: { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ""}` },
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => process.exit(signal === null ? (code ?? 1) : 130));
