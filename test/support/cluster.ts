import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Readable } from "node:stream";
import { execa } from "execa";
import { expect } from "vitest";
import { parse, stringify } from "yaml";

/** Where the repository lies. */
export const root = resolve(import.meta.dirname, "../..");

/** A program that was started and left running. */
export interface Running extends PromiseLike<Output> {
  readonly pid: number | undefined;
  readonly stdout: Readable;
  kill(signal: NodeJS.Signals): boolean;
}

export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A cluster of real nodes for one test file, driven only as a user would: through the built command. */
export interface TestCluster extends AsyncDisposable {
  readonly dir: string;
  /** `cluster ARGS…` */
  run(...args: string[]): Promise<Output>;
  /** The same, and it must succeed; gives its standard output. */
  must(...args: string[]): Promise<string>;
  /** Starts `cluster ARGS…` and leaves it running. */
  spawn(...args: string[]): Running;
  /** A command line on a node, as `cluster ssh NODE -- …`. */
  try(node: string, command: string): Promise<Output>;
  /** The same, and it must succeed; gives its standard output without the last newline. */
  on(node: string, command: string): Promise<string>;
  /** Copies a text into a file on a node, in core's home. */
  put(node: string, name: string, content: string): Promise<void>;
}

export interface TestClusterOptions {
  /** The example to start from, a folder of clusters/. */
  readonly example: string;
  /** Laid over its cluster.yaml. */
  readonly change?: Record<string, unknown>;
}

/** A copy of an example in a folder of its own; nothing is started yet. Disposing destroys the cluster. */
export async function testCluster(options: TestClusterOptions): Promise<TestCluster> {
  const dir = await mkdtemp(join(tmpdir(), "flotilla-e2e-"));
  await cp(join(root, "clusters", options.example), dir, {
    recursive: true,
    filter: (path) => !path.endsWith("/.state") && !path.endsWith("/vagrant"),
  });
  const file = join(dir, "cluster.yaml");
  const spec = parse(await readFile(file, "utf8")) as Record<string, unknown>;
  await writeFile(file, stringify({ ...spec, ...options.change }));
  const spawn = (...args: string[]): Running => {
    const argv = [join(root, "dist/cluster.js"), "--cluster", dir, ...args];
    const child = execa(process.execPath, argv, { reject: false, stdin: "ignore" });
    const ended = child.then(outputOf);
    return {
      pid: child.pid,
      stdout: child.stdout,
      kill: (signal) => child.kill(signal),
      then: ended.then.bind(ended),
    };
  };
  const run = async (...args: string[]): Promise<Output> => spawn(...args);
  const attempt = (node: string, command: string): Promise<Output> => run("ssh", node, "--", command);
  const on = async (node: string, command: string): Promise<string> =>
    succeeded(await attempt(node, command), `${node}: ${command}`);
  return {
    dir,
    run,
    spawn,
    must: async (...args) => succeeded(await run(...args), `cluster ${args.join(" ")}`),
    try: attempt,
    on,
    put: async (node, name, content) => {
      const encoded = Buffer.from(content).toString("base64");
      await on(node, `echo ${encoded} | base64 -d > ~core/${name}`);
    },
    [Symbol.asyncDispose]: async () => {
      succeeded(await run("destroy"), "cluster destroy");
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Runs a program on this host. */
export async function onHost(
  file: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Output> {
  return outputOf(await execa(file, args, { reject: false, stdin: "ignore", env }));
}

function outputOf(result: { exitCode?: number; stdout?: string; stderr?: string }): Output {
  return { code: result.exitCode ?? -1, stdout: result.stdout ?? "", stderr: result.stderr ?? "" };
}

function succeeded(output: Output, what: string): string {
  if (output.code === 0) return output.stdout;
  throw new Error(`${what}: exit ${output.code}\n${output.stdout}\n${output.stderr}`);
}

/** Looks every 100 ms until `look` gives a value; fails, naming what it waited for, when the time (ms) is over. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined | false>,
  within = 30_000,
): Promise<T> {
  const deadline = performance.now() + within;
  let last: unknown;
  while (performance.now() < deadline) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) {
        expect(found, what).toBeTruthy();
        return found;
      }
    } catch (error) {
      last = error;
    }
    await new Promise((wake) => setTimeout(wake, 100));
  }
  throw new Error(`waited ${within / 1_000} s in vain: ${what}`, { cause: last });
}
