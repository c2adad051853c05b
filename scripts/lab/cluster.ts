import { type ChildProcess, spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");

/** A cluster for a long run: a copy of clusters/lab in a folder of its own, driven through the built command. */
export interface LabCluster extends AsyncDisposable {
  readonly dir: string;
  /** `cluster ARGS…`; gives its exit code. What it says is printed when `loud`, else only when it fails. */
  run(args: readonly string[], loud?: boolean): Promise<number>;
  /** Starts `cluster ARGS…` as the leader of a process group of its own. */
  start(...args: string[]): ChildProcess;
  /** Writes a scenario that `cluster test NAME` plays. */
  scenario(name: string, content: object): Promise<void>;
  /** Has the example's soak last so many seconds. */
  lengthenSoak(seconds: number): Promise<void>;
}

/** Brings it up; disposing destroys it. @param services whether the example's services run */
export async function labCluster(services: boolean, stop: AbortSignal): Promise<LabCluster> {
  // Not in /tmp, which may be a memory file system too small for three disks.
  const dir = await mkdtemp("/var/tmp/flotilla-lab-");
  await cp(join(root, "clusters/lab"), dir, {
    recursive: true,
    filter: (path) => !path.endsWith("/.state"),
  });
  if (!services) await writeFile(join(dir, "cluster.yaml"), "version: 1\nname: lab\nmachines:\n  count: 3\n");
  const begin = (args: readonly string[], loud: boolean, detached: boolean): ChildProcess =>
    spawn(process.execPath, [join(root, "dist/cluster.js"), "--cluster", dir, ...args], {
      stdio: ["ignore", loud ? "inherit" : "pipe", loud ? "inherit" : "pipe"],
      detached,
    });
  const run = async (args: readonly string[], loud = false): Promise<number> => {
    const child = begin(args, loud, false);
    const said = collect(child);
    const end = (): boolean => child.kill("SIGINT");
    // What removes the cluster is not stopped.
    if (args[0] !== "destroy") stop.addEventListener("abort", end);
    const code = await new Promise<number>((done) => child.once("close", (exit) => done(exit ?? 130)));
    stop.removeEventListener("abort", end);
    if (code !== 0) process.stderr.write(said.join(""));
    return code;
  };
  const cluster: LabCluster = {
    dir,
    run,
    start: (...args) => begin(args, false, true),
    scenario: (name, content) =>
      writeFile(join(dir, "scenarios", `${name}.yaml`), JSON.stringify({ version: 1, name, ...content })),
    lengthenSoak: async (seconds) => {
      const file = join(dir, "scenarios/soak.yaml");
      const text = await readFile(file, "utf8");
      await writeFile(file, text.replace(/soak: \w+/, `soak: ${seconds}s`));
    },
    [Symbol.asyncDispose]: async () => {
      await run(["destroy"]);
      await rm(dir, { recursive: true, force: true });
    },
  };
  if ((await run(["up"])) === 0) return cluster;
  await cluster[Symbol.asyncDispose]();
  throw new Error("the cluster did not come up");
}

function collect(child: ChildProcess): readonly string[] {
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => void said.push(chunk));
  }
  return said;
}
