import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Readable } from "node:stream";
import { execa } from "execa";

const root = resolve(import.meta.dirname, "../..");
const sleeper = "[Unit]\nDescription=a sleeper\n[Service]\nExecStart=/bin/sleep infinity\n";

export const nodes = ["core-01", "core-02", "core-03"] as const;

/** A cluster of three nodes for the benchmark, in a folder of its own, driven through the built command. */
export interface BenchCluster {
  readonly dir: string;
  /** `cluster ARGS…`; must succeed. */
  run(...args: string[]): Promise<string>;
  /** A command line on a node; must succeed. */
  on(node: string, command: string): Promise<string>;
  /** A command line on a node that goes on until `stop`; calls back with each line and when it came. */
  lines(node: string, command: string, each: (line: string, at: number) => void): { stop(): Promise<void> };
  destroy(): Promise<void>;
}

const cut = (name: string, victims: string, services: readonly string[]): string =>
  JSON.stringify({
    version: 1,
    name,
    services: services.map((unit) => `services/${unit}`),
    steady: [
      ...services.map((unit) => ({ unit, active: 1, within: "60s" })),
      { machines: "all", within: "60s" },
    ],
    steps: [
      { inject: "power-cut", victims },
      ...services.map((unit) => ({ assert: { unit, active: 1, within: "20s" } })),
      { heal: "power-cut" },
    ],
    budgets: services.map((unit) => ({ unit, recoveredWithin: "10s", copiesAtMost: 1, startsAtMost: 1 })),
  });

/** Writes the folder; nothing runs yet. */
export async function benchCluster(): Promise<BenchCluster> {
  // Not in /tmp, which may be a memory file system too small for three disks.
  const dir = await mkdtemp("/var/tmp/flotilla-bench-");
  const services = ["sleeper-1.service", "sleeper-2.service", "sleeper-3.service"];
  for (const folder of ["services", "scenarios"]) await mkdir(join(dir, folder));
  await writeFile(join(dir, "cluster.yaml"), "version: 1\nname: bench\nmachines:\n  count: 3\n");
  for (const unit of services) await writeFile(join(dir, "services", unit), sleeper);
  await copyFile(join(root, "clusters/demo/services/hello.service"), join(dir, "services/hello.service"));
  const scenarios = [
    ["cut-etcd-leader", "etcd leader", services],
    ["cut-hello", "the machine that runs hello.service", ["hello.service"]],
    ...nodes.map((node) => [`cut-${node}`, node, services] as const),
  ] as const;
  for (const [name, victims, units] of scenarios) {
    await writeFile(join(dir, "scenarios", `${name}.yaml`), cut(name, victims, units));
  }
  const argv = (args: readonly string[]): string[] => [
    join(root, "dist/cluster.js"),
    "--cluster",
    dir,
    ...args,
  ];
  const run = async (...args: string[]): Promise<string> =>
    (await execa(process.execPath, argv(args), { stdin: "ignore", timeout: 600_000 })).stdout;
  const cluster: BenchCluster = {
    dir,
    run,
    on: (node, command) => run("ssh", node, "--", command),
    lines: (node, command, each) => {
      const child = execa(process.execPath, argv(["ssh", node, "--", command]), {
        stdin: "ignore",
        reject: false,
        buffer: false,
      });
      readLines(child.stdout, each);
      return {
        stop: async () => {
          child.kill("SIGTERM");
          await child;
        },
      };
    },
    destroy: async () => {
      await run("destroy");
      await rm(dir, { recursive: true, force: true });
    },
  };
  await writeFile(join(dir, "unit"), sleeper);
  return cluster;
}

function readLines(stream: Readable, each: (line: string, at: number) => void): void {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    const at = performance.now();
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) each(line, at);
  });
}
