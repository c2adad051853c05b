import { createHash } from "node:crypto";
import { apply } from "./apply/apply.ts";
import { check } from "./apply/check.ts";
import { observe, textOf } from "./apply/facts.ts";
import { goalsOf } from "./apply/goals.ts";
import type { Machine } from "./apply/machine.ts";
import { plan } from "./apply/plan.ts";
import type { Step } from "./apply/step.ts";
import {
  type Clearing,
  parseWritten,
  planClearing,
  showWritten,
  type Written,
  writtenFile,
} from "./apply/written.ts";
import { parseCloudConfig } from "./cloud-config/parse.ts";
import type { Problem } from "./cloud-config/place.ts";
import { addressesIn, substitute } from "./cloud-config/substitution.ts";
import { recognise } from "./cloud-config/user-data.ts";

export interface Request {
  readonly userData: Uint8Array;
  readonly machine: Machine;
  /** Our environment: COREOS_PRIVATE_IPV4 and the like win over /etc/environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Only files: no programs are run and systemd is not asked. */
  readonly filesOnly: boolean;
  /** Plan, but change nothing. */
  readonly dryRun: boolean;
}

/** How it went. `problems` is empty when all went well; `steps` are those that were (or would be) done. */
export interface Outcome {
  readonly problems: readonly Problem[];
  readonly steps: readonly Step[];
  /** What the owner of the machine should know: a sentence each. */
  readonly notes: readonly string[];
  /** SHA-256 of the user-data, hex. */
  readonly hash: string;
}

/** Applies user-data to a machine. Everything is checked before the first change. */
export async function applyUserData(request: Request): Promise<Outcome> {
  const hash = createHash("sha256").update(request.userData).digest("hex");
  const { problems, steps, clearing } = await planUserData(request);
  const outcome = { steps, hash, notes: clearing?.notes ?? [] };
  if (problems.length > 0 || request.dryRun) return { ...outcome, problems };
  // Before the first change: also a run that is cut short knows later what it may have written.
  if (clearing !== undefined) await remember(clearing.during, request.machine);
  const problem = await apply(steps, request.machine);
  if (problem !== undefined) return { ...outcome, problems: [problem] };
  if (clearing !== undefined) await remember(clearing.after, request.machine);
  return { ...outcome, problems: [] };
}

async function remember(files: readonly Written[], machine: Machine): Promise<void> {
  const text = showWritten(files);
  if (textOf(await machine.look(writtenFile.path)) === text) return;
  await machine.write(writtenFile.path, new TextEncoder().encode(text), { mode: writtenFile.mode });
}

interface Planned {
  readonly problems: readonly Problem[];
  readonly steps: readonly Step[];
  /** Undefined for what is no cloud-config: a script says nothing about files. */
  readonly clearing: Clearing | undefined;
}

async function planUserData({ userData, machine, environment, filesOnly }: Request): Promise<Planned> {
  const data = recognise(userData);
  if (data.kind === "unusable") return failed([data.problem]);
  if (data.kind === "script")
    return { problems: [], steps: scriptSteps(data.text).filter(allowed(filesOnly)), clearing: undefined };
  const file = variablesIn(textOf(await machine.look("/etc/environment")));
  const addresses = addressesIn({ ...file, ...environment });
  const { text, problems } = substitute(data.text, addresses);
  if (problems.length > 0) return failed(problems);
  const parsed = parseCloudConfig(text);
  if (!parsed.ok) return failed(parsed.problems);
  const goals = goalsOf(parsed.config, { addresses, hostname: await machine.hostname() });
  const old = parseWritten(textOf(await machine.look(writtenFile.path)));
  const facts = await observe(goals, machine, { units: !filesOnly, paths: old.map(({ path }) => path) });
  const obstacles = check(parsed.config, goals, facts);
  if (obstacles.length > 0) return failed(obstacles);
  const clearing = planClearing(goals, old, facts);
  return { problems: [], steps: plan(goals, facts, clearing).filter(allowed(filesOnly)), clearing };
}

function failed(problems: readonly Problem[]): Planned {
  return { problems, steps: [], clearing: undefined };
}

function allowed(filesOnly: boolean): (step: Step) => boolean {
  return (step) => !filesOnly || (step.kind !== "run" && step.kind !== "reload");
}

/** A script runs at each boot, as a unit of its own that nobody waits for. */
function scriptSteps(text: string): readonly Step[] {
  const path = "/var/lib/flotilla/user-data-script";
  const place = { key: "", line: 1 };
  const content = new TextEncoder().encode(text);
  const unit = "coreos-cloudinit-0.service";
  const argv = ["systemd-run", "--quiet", "--no-block", `--unit=${unit}`, "/bin/bash", path] as const;
  return [
    {
      kind: "write",
      path,
      content,
      mode: 0o700,
      owner: undefined,
      reason: "the user-data is a script",
      place,
    },
    { kind: "run", argv: [...argv], reason: "the user-data is a script", place },
  ];
}

/** The assignments of a file like /etc/environment. */
function variablesIn(text: string): Readonly<Record<string, string>> {
  const pairs = [...text.matchAll(/^\s*(?:export\s+)?(\w+)=("?)(.*?)\2\s*$/gm)];
  return Object.fromEntries(pairs.map((match) => [match[1] ?? "", match[3] ?? ""]));
}
