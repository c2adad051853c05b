import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { JsonReport } from "../failover/report/json.ts";

/** `flotilla/failover`: outages for your own test suite, with any test runner and any Node from 20 on. */

export interface ScenarioOptions {
  /** The folder of cluster.yaml; the cluster is up. */
  readonly cluster: string;
  /** Replays what was drawn by lot. */
  readonly seed?: number;
  /** For slow machines: every time in the scenario is so many times as long. */
  readonly slower?: number;
  /** Stops the run; everything that it broke is healed first. */
  readonly signal?: AbortSignal;
  /** Where to write the page of this run. */
  readonly html?: string;
  /** Gets each line of the run as it happens. */
  readonly onLine?: (line: string) => void;
}

/** The verdict, and all from which it was computed. Times are ms. */
export type ScenarioResult = JsonReport["runs"][number];

/** This file lies in src/bin/ or, bundled, in dist/. */
const program = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "../../dist/cluster.js" : "cluster.js", import.meta.url),
);

/** The exits that mean that the scenario was played: pass, fail, inconclusive. */
const played = new Set<number | null>([0, 1, 8]);

/**
 * Plays a scenario on a cluster that is up. A failed or inconclusive run is a result, not an error.
 * @param scenario a name in the cluster's scenarios folder, or the path of a file
 * @throws Error when it could not be played: with what `cluster test` said
 */
export async function runScenario(scenario: string, options: ScenarioOptions): Promise<ScenarioResult> {
  options.signal?.throwIfAborted();
  const folder = await mkdtemp(join(tmpdir(), "flotilla-run-"));
  try {
    const file = join(folder, "report.json");
    const { code, said } = await runProgram(argumentsFor(scenario, file, options), options);
    const report = await readFile(file, "utf8").catch(() => undefined);
    if (!played.has(code) || report === undefined) {
      throw new Error(`${scenario} was not played (exit ${code ?? "by a signal"})\n${said}`);
    }
    const [run] = (JSON.parse(report) as JsonReport).runs;
    if (run === undefined) throw new Error(`${scenario} was stopped before it began`);
    return run;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function argumentsFor(scenario: string, report: string, options: ScenarioOptions): string[] {
  const { cluster, seed, html, slower } = options;
  return [
    program,
    "--cluster",
    resolve(cluster),
    "test",
    scenario,
    "--report-json",
    report,
    ...(html === undefined ? [] : ["--report-html", resolve(html)]),
    ...(slower === undefined ? [] : ["--slower", String(slower)]),
    ...(seed === undefined ? [] : ["--seed", String(seed)]),
  ];
}

async function runProgram(
  args: readonly string[],
  { signal, onLine }: ScenarioOptions,
): Promise<{ code: number | null; said: string }> {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  const stop = (): boolean => child.kill("SIGINT");
  signal?.addEventListener("abort", stop, { once: true });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  createInterface({ input: child.stdout }).on("line", (line) => onLine?.(line));
  try {
    return await new Promise((done, fail) => {
      child.on("error", fail);
      child.on("close", (code) => done({ code, said }));
    });
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}
