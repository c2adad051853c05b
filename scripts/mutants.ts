/**
 * make mutants: puts one deliberate mistake after the other into a copy of the sources and shows that a test turns red.
 * A mistake that no test notices, or whose place is gone, ends it with 1.   Usage: node scripts/mutants.ts [WORD…]
 */
import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { mutants, type Mutant } from "../test/mutants/list.ts";

const root = resolve(import.meta.dirname, "..");
const copied = ["src", "test", "clusters", "templates", "package.json", "tsconfig.json", "vitest.config.ts"];

interface Tests {
  /** How many ran; 0 when the sources could not even be loaded. */
  readonly ran: number;
  /** The first that failed. */
  readonly red: string | undefined;
}

/** What vitest's JSON reporter writes. */
interface Report {
  readonly numTotalTests: number;
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

async function runTests(copy: string, tests: readonly string[]): Promise<Tests> {
  const out = join(copy, "report.json");
  await rm(out, { force: true });
  const args = [join(root, "node_modules/vitest/vitest.mjs"), "run", "--project", "unit", "--bail", "1"];
  const report = ["--reporter=json", `--outputFile.json=${out}`];
  const options = { cwd: copy, timeout: 180_000 };
  await new Promise<void>((done) => {
    execFile(process.execPath, [...args, ...report, ...tests], options, () => done());
  });
  const text = await readFile(out, "utf8").catch(() => undefined);
  if (text === undefined) return { ran: 0, red: undefined };
  const { numTotalTests, testResults } = JSON.parse(text) as Report;
  const all = testResults.flatMap(({ assertionResults }) => assertionResults);
  return { ran: numTotalTests, red: all.find(({ status }) => status === "failed")?.fullName };
}

/** Undefined when a test noticed the mistake; else what is wrong. */
async function tryMutant(copy: string, mutant: Mutant): Promise<{ red?: string; wrong?: string }> {
  const path = join(copy, mutant.file);
  const before = await readFile(path, "utf8");
  const places = before.split(mutant.find).length - 1;
  if (places !== 1) return { wrong: `its place stands ${places} times in ${mutant.file}` };
  await writeFile(
    path,
    before.replace(mutant.find, () => mutant.replace),
  );
  try {
    const { ran, red } = await runTests(copy, mutant.tests);
    if (ran === 0) return { wrong: "the tests did not run at all" };
    return red === undefined ? { wrong: "no test noticed" } : { red };
  } finally {
    await writeFile(path, before);
  }
}

const words = process.argv.slice(2);
const chosen = mutants.filter(({ name, file }) => words.every((word) => `${file} ${name}`.includes(word)));
const copy = await mkdtemp(join(tmpdir(), "flotilla-mutants-"));
let unnoticed = 0;
try {
  for (const name of copied) await cp(join(root, name), join(copy, name), { recursive: true });
  await symlink(join(root, "node_modules"), join(copy, "node_modules"));
  const healthy = await runTests(copy, [...new Set(chosen.flatMap(({ tests }) => tests))]);
  if (healthy.ran === 0 || healthy.red !== undefined) {
    throw new Error(`the tests are not green without a mistake: ${healthy.red ?? "they did not run"}`);
  }
  for (const mutant of chosen) {
    const { red, wrong } = await tryMutant(copy, mutant);
    if (wrong !== undefined) unnoticed++;
    const said = wrong === undefined ? `✓ ${mutant.name}\n    ${red}` : `✗ ${mutant.name}: ${wrong}`;
    process.stdout.write(`${said}\n`);
  }
  process.stdout.write(`${chosen.length - unnoticed} of ${chosen.length} mistakes noticed\n`);
} finally {
  await rm(copy, { recursive: true, force: true });
}
process.exitCode = unnoticed === 0 ? 0 : 1;
