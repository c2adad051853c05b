import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { messageOf } from "../foundation/errors.ts";
import { hostExec } from "../foundation/exec.ts";
import { writeAtomically } from "../foundation/files.ts";
import { hostMachine } from "../node/apply/host-machine.ts";
import { showStep } from "../node/apply/step.ts";
import { showProblem } from "../node/cloud-config/place.ts";
import { applyUserData, type Outcome } from "../node/cloudinit.ts";

const usage = `usage: flotilla-cloudinit [--from-file FILE] [--root DIR] [--dry-run]

Applies user-data (a #cloud-config document, or a script) to this machine. What is as it shall be is left alone.

  --from-file FILE  the user-data (default: DIR/var/lib/flotilla/user-data)
  --root DIR        write files below DIR and run nothing
  --dry-run         print the steps and their reasons, change nothing
`;

interface Options {
  readonly "from-file": string | undefined;
  readonly root: string | undefined;
  readonly "dry-run": boolean | undefined;
}

/** flotilla-cloudinit. Exits 0 when the document holds, 1 when it could not be applied, 2 for a wrong call. */
export async function main(argv: readonly string[]): Promise<number> {
  const options = readOptions(argv);
  if (options === undefined) {
    process.stderr.write(usage);
    return 2;
  }
  const root = options.root ?? "/";
  const file = options["from-file"] ?? join(root, "var/lib/flotilla/user-data");
  const dryRun = options["dry-run"] ?? false;
  let userData: Uint8Array;
  try {
    userData = await readFile(file);
  } catch (error) {
    process.stderr.write(`flotilla-cloudinit: cannot read ${file}: ${messageOf(error)}\n`);
    return 1;
  }
  const outcome = await applyUserData({
    userData,
    machine: hostMachine({ root, exec: hostExec() }),
    environment: process.env,
    filesOnly: options.root !== undefined,
    dryRun,
  });
  for (const step of outcome.steps) process.stdout.write(`${showStep(step)}\n`);
  for (const note of outcome.notes) process.stdout.write(`note: ${note}\n`);
  for (const problem of outcome.problems) process.stderr.write(`${file}: ${showProblem(problem)}\n`);
  if (!dryRun) await writeResult(root, outcome);
  return outcome.problems.length === 0 ? 0 : 1;
}

function readOptions(argv: readonly string[]): Options | undefined {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { "from-file": { type: "string" }, root: { type: "string" }, "dry-run": { type: "boolean" } },
    });
    return { "from-file": values["from-file"], root: values.root, "dry-run": values["dry-run"] };
  } catch (error) {
    process.stderr.write(`flotilla-cloudinit: ${messageOf(error)}\n`);
    return undefined;
  }
}

/** For flotilla-ready and for people: `error` is the first problem, `errors` are all. */
async function writeResult(root: string, { problems, notes, steps, hash }: Outcome): Promise<void> {
  const [error] = problems;
  const result = {
    ok: error === undefined,
    ...(error === undefined ? {} : { error, errors: problems }),
    ...(notes.length === 0 ? {} : { notes }),
    hash,
    steps: steps.length,
  };
  await writeAtomically(join(root, "run/flotilla/cloudinit.json"), `${JSON.stringify(result)}\n`);
}
