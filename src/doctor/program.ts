import type { Exec } from "../foundation/exec.ts";
import { lastLines } from "../foundation/exec.ts";
import type { ProgramFacts } from "./facts.ts";
import { findVersion } from "./version.ts";

/** Programs that only tell something are done long before, ms; a hypervisor that hangs must not hang us. */
const patience = 5_000;

/** Runs a program that only tells something. `says` is its output as it is, `version` the last line that begins with one. */
export async function ask(
  exec: Exec,
  argv: readonly [string, ...string[]],
  timeout = patience,
): Promise<ProgramFacts> {
  const result = await exec.run({ argv, timeout });
  if (result.missing) return { state: "missing" };
  if (result.timedOut) return { state: "hangs" };
  const words = `${result.stdout}\n${result.stderr}`;
  if (result.code !== 0)
    return {
      state: "fails",
      says: lastLines(words, 2)
        .map((line) => line.replace(/^error:\s*/i, ""))
        .join("; "),
    };
  // VBoxManage puts warnings, with other versions in them, in front of its own.
  const line = lastLines(result.stdout, 99).findLast((text) => /^(\w+ )?\d+\.\d+/.test(text));
  return { state: "works", version: findVersion(line ?? "") ?? "", says: words };
}

/** What it printed; undefined unless it worked. */
export async function output(exec: Exec, argv: readonly [string, ...string[]]): Promise<string | undefined> {
  const result = await exec.run({ argv, timeout: patience });
  return result.code === 0 ? result.stdout : undefined;
}
