import { waitFor, type Clock } from "../../foundation/clock.ts";
import { shellQuote } from "../../foundation/exec.ts";
import type { Observer } from "./observer.ts";
import type { AskingProbe, Probe } from "../scenario/probe.ts";
import type { Stage } from "../stage/stage.ts";

/** What was seen when a probe was looked at once. */
export interface Seen {
  readonly ok: boolean;
  readonly detail: string;
}

export interface ProbingOptions {
  readonly stage: Stage;
  readonly observer: Observer;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The machines that are meant right now. */
  readonly choose: (words: string | readonly string[]) => Promise<readonly string[]>;
}

/** Between two looks at what the observer knows, and between two questions to machines; ms. */
const [lookEvery, askEvery] = [20, 100];
/** How long one container may take to answer, ms. */
const answerWithin = 5_000;

/** How often (ms) the probe is looked at. */
export function paceOf(probe: Probe): number {
  return probe.every ?? ("unit" in probe ? lookEvery : askEvery);
}

/** Waits until the probe is true, `within` its time; says what was seen last and after how long. */
export async function becomesTrue(options: ProbingOptions, probe: Probe): Promise<Seen> {
  const { clock, signal } = options;
  let last: Seen = { ok: false, detail: "" };
  const begun = clock.monotonic();
  await waitFor(
    async () => {
      last = await look(options, probe);
      return last.ok ? true : undefined;
    },
    { clock, every: paceOf(probe), within: probe.within, signal },
  );
  const seconds = ((clock.monotonic() - begun) / 1_000).toFixed(1);
  return { ok: last.ok, detail: `after ${seconds} s: ${last.detail}` };
}

/** Looks once. */
export async function look(options: ProbingOptions, probe: Probe): Promise<Seen> {
  if ("unit" in probe) return unitSeen(options, probe);
  if ("machines" in probe) return await machinesSeen(options, probe);
  return await ask(options, probe);
}

function unitSeen({ observer }: ProbingOptions, probe: Extract<Probe, { unit: string }>): Seen {
  const on = observer.activeOn(probe.unit);
  const where = on.length === 0 ? "nowhere" : `on ${on.join(", ")}`;
  return { ok: on.length === probe.active, detail: `active ${where}` };
}

async function running({ stage, signal }: ProbingOptions): Promise<string[]> {
  const vital = await Promise.all(
    stage.nodes.map(async (node) => ({ node, ...(await stage.vital(node, signal)) })),
  );
  return vital.filter((node) => node.running).map(({ node }) => node);
}

async function machinesSeen(
  options: ProbingOptions,
  probe: Extract<Probe, { machines: number | "all" }>,
): Promise<Seen> {
  const { stage, signal } = options;
  const wanted = probe.machines === "all" ? stage.nodes.length : probe.machines;
  const nodes = await running(options);
  const seen = await Promise.all(nodes.map((node) => stage.machinesSeenBy(node, signal)));
  const detail = nodes.map((node, index) => `${node} sees ${seen[index]?.length ?? "nothing"}`).join(", ");
  return { ok: nodes.length > 0 && seen.every((machines) => machines?.length === wanted), detail };
}

/** Runs the probe's command on the machines that are to ask; all of them must be content. */
async function ask(options: ProbingOptions, probe: AskingProbe): Promise<Seen> {
  const { stage, signal } = options;
  const nodes =
    probe.on === undefined ? (await running(options)).slice(0, 1) : await options.choose(probe.on);
  const script = scriptOf(probe, (name) => (stage.nodes.includes(name) ? stage.address(name) : name));
  const answers = await Promise.all(
    nodes.map(async (node): Promise<Seen> => {
      const ran = await stage.run(node, script, { within: answerWithin * stage.patience, signal });
      if (ran === undefined) return { ok: false, detail: `${node} does not answer` };
      const text = ran.stdout.trim();
      const missing = "prints" in probe && probe.prints !== undefined && !text.includes(probe.prints);
      const ok = ran.code === 0 && !missing;
      const said = (ok ? text : text || ran.stderr.trim()).split("\n").at(-1)?.slice(0, 120) ?? "";
      return {
        ok,
        detail: `${node}: ${ok ? "yes" : `no (exit ${ran.code})`}${said === "" ? "" : `, ${said}`}`,
      };
    }),
  );
  if (answers.length === 0) return { ok: false, detail: "no machine runs that could ask" };
  return { ok: answers.every(({ ok }) => ok), detail: answers.map(({ detail }) => detail).join("; ") };
}

/** Pure: the probe as sh for a machine. */
function scriptOf(probe: AskingProbe, resolve: (host: string) => string): string {
  const curl = "curl --silent --show-error --noproxy '*' --max-time 3";
  if ("command" in probe) return probe.command;
  if ("tcp" in probe) {
    const [host = "", port = ""] = probe.tcp.split(":");
    return `timeout 3 bash -c ${shellQuote(`</dev/tcp/${resolve(host)}/${port}`)}`;
  }
  if ("http" in probe) {
    const url = new URL(probe.http);
    url.hostname = resolve(url.hostname);
    const holds = probe.contains === undefined ? "true" : `grep -qF -- ${shellQuote(probe.contains)}`;
    return [
      `answer=$(${curl} --write-out '\\n%{http_code}' ${shellQuote(url.href)}) || exit`,
      `status=$(printf '%s' "$answer" | tail -n 1); echo "status $status"`,
      `[ "$status" = ${probe.status} ] && printf '%s' "$answer" | ${holds}`,
    ].join("\n");
  }
  const url = `http://127.0.0.1:2379/v2/keys${probe.etcd}?quorum=true`;
  const wanted = probe.value === undefined ? '"node":' : `"value":${JSON.stringify(probe.value)}`;
  return `${curl} --fail ${shellQuote(url)} | grep -F -- ${shellQuote(wanted)}`;
}
