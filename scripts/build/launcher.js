#!/usr/bin/env node
// Starts the real program in dist/host/. Plain JavaScript that also an old Node can read: where the Node that started us
// is too old, the pinned one from our dependencies takes over.
import { existsSync } from "node:fs";
import module from "node:module";
import { fileURLToPath } from "node:url";

const program = "@PROGRAM@";

if (Number(process.versions.node.split(".")[0]) >= 24) {
  // Compiled code is kept between runs: that halves the time to start.
  module.enableCompileCache(fileURLToPath(new URL("./host/.cache", import.meta.url)));
  const { main } = await import(`./host/${program}.js`);
  const code = await main(process.argv.slice(2));
  process.stdout.write("", () => process.stderr.write("", () => process.exit(code)));
} else {
  await handOver(findNode24());
}

function findNode24() {
  const name = `node-${process.platform}-${process.arch}/bin/node`;
  for (const folder of ["../node_modules/", "../../"]) {
    const path = fileURLToPath(new URL(folder + name, import.meta.url));
    if (existsSync(path)) return path;
  }
  process.stderr.write(
    `${program} needs Node 24 or newer; this is ${process.version} and no pinned Node is installed.\n` +
      `  Run 'npm ci' (Linux), or install Node 24 from https://nodejs.org.\n`,
  );
  process.exit(4);
}

async function handOver(node) {
  const { spawn } = await import("node:child_process");
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: "inherit" });
  // A terminal sends Ctrl-C to both of us: passed on, the program would take it for a second one.
  process.on("SIGINT", () => process.stdin.isTTY || child.kill("SIGINT"));
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.removeAllListeners(name);
    process.kill(process.pid, signal);
  });
}
