import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import { expect, it } from "vitest";

it("fleetctl prints all of a long listing, however slowly it is read", async () => {
  const machines = Array.from({ length: 3_000 }, (_, index) => ({
    id: String(index).padStart(32, "0"),
    primaryIP: "10.0.0.1",
  }));
  const server = createServer((_, response) => response.end(JSON.stringify({ machines })));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const endpoint = `--endpoint=http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const program = [
    resolve("src/bin/node.ts"),
    "fleetctl",
    endpoint,
    "list-machines",
    "--full",
    "--no-legend",
  ];
  // A shell in between, since a pipe of Node's is a socket.
  const slow = `"$@" | { sleep 2; wc -l; }`;
  const child = spawn("sh", ["-c", slow, "sh", process.execPath, ...program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await once(child, "close");
  server.close();
  expect(output.trim()).toBe("3000");
});
