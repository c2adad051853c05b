import type { Snapshot } from "../model.ts";
import type { Mirror } from "../registry/registry.ts";
import { currentState } from "./show.ts";

/** What fleetd counts besides what the registry shows. Counters start at 0 with the process. */
export interface Telemetry {
  readonly engine: {
    readonly leading: boolean;
    readonly terms: number;
    /** Looks at the cluster; an idle one needs none. */
    readonly reconciles: number;
    /** Written decisions by kind. */
    readonly decisions: Readonly<Record<string, number>>;
    /** Commits that etcd did not take. */
    readonly failures: number;
    /** Units that get a machine as soon as another has let go. */
    readonly waiting: number;
    /** Whether nobody is moved because too many machines vanished at once. */
    readonly holding: boolean;
  };
  readonly session: {
    readonly begun: number;
    readonly resumed: number;
    readonly lost: number;
    /** Seconds for which the lease has been kept without a gap; undefined without one. */
    readonly unbroken: number | undefined;
  };
  readonly process: {
    readonly cpu: number;
    readonly resident: number;
    readonly heap: number;
    readonly external: number;
  };
}

interface Metric {
  readonly name: string;
  readonly type: "gauge" | "counter";
  readonly help: string;
  /** Label text such as `kind="place"` (empty for none) and value. */
  readonly samples: readonly (readonly [string, number])[];
}

export interface MetricsSource {
  readonly version: string;
  readonly mirror: Mirror | undefined;
  readonly telemetry: Telemetry;
  /** Answered requests by `method` and `status`, e.g. `GET 200`. */
  readonly requests: ReadonlyMap<string, number>;
  /** Open event streams. */
  readonly streams: number;
}

/** The text that Prometheus reads. */
export function showMetrics(source: MetricsSource): string {
  const metrics = [
    ...engineMetrics(source.telemetry),
    ...sessionMetrics(source),
    ...registryMetrics(source.mirror),
    ...serverMetrics(source),
  ];
  return metrics.map(showMetric).join("");
}

function showMetric({ name, type, help, samples }: Metric): string {
  const lines = samples.map(([labels, value]) => `${name}${labels === "" ? "" : `{${labels}}`} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

const one = (value: number): readonly (readonly [string, number])[] => [["", value]];
const flag = (value: boolean): readonly (readonly [string, number])[] => one(value ? 1 : 0);

function gauge(name: string, help: string, samples: Metric["samples"]): Metric {
  return { name, type: "gauge", help, samples };
}

function counter(name: string, help: string, samples: Metric["samples"]): Metric {
  return { name, type: "counter", help, samples };
}

function engineMetrics({ engine }: Telemetry): Metric[] {
  const decisions = Object.entries(engine.decisions).map(
    ([kind, count]) => [`kind="${kind}"`, count] as const,
  );
  return [
    gauge(
      "fleet_engine_leading",
      "Whether this machine's engine decides for the cluster.",
      flag(engine.leading),
    ),
    counter("fleet_engine_terms_total", "Times that this engine became the leader.", one(engine.terms)),
    counter(
      "fleet_engine_reconciles_total",
      "Looks at the cluster; none happen while nothing changes.",
      one(engine.reconciles),
    ),
    counter("fleet_engine_decisions_total", "Decisions that were written to the registry.", decisions),
    counter(
      "fleet_engine_commit_failures_total",
      "Writes of decisions that etcd did not take.",
      one(engine.failures),
    ),
    gauge(
      "fleet_engine_waiting_units",
      "Units that get a machine as soon as another has let go.",
      one(engine.waiting),
    ),
    gauge(
      "fleet_engine_holding",
      "Whether nobody is moved because too many machines vanished at once.",
      flag(engine.holding),
    ),
  ];
}

function sessionMetrics({ telemetry: { session } }: MetricsSource): Metric[] {
  return [
    counter(
      "fleet_sessions_begun_total",
      "Times that this machine joined under a new lease.",
      one(session.begun),
    ),
    counter(
      "fleet_sessions_resumed_total",
      "Times that this machine took up its earlier lease.",
      one(session.resumed),
    ),
    counter(
      "fleet_sessions_lost_total",
      "Times that this machine's lease ended against its will.",
      one(session.lost),
    ),
    gauge("fleet_lease_held", "Whether this machine has a lease.", flag(session.unbroken !== undefined)),
    gauge(
      "fleet_lease_unbroken_seconds",
      "For how long the lease has been kept without a gap.",
      one(session.unbroken ?? 0),
    ),
  ];
}

function registryMetrics(mirror: Mirror | undefined): Metric[] {
  const head = [
    gauge(
      "fleet_mirror_fresh",
      "Whether the copy of the registry is up to date.",
      flag(mirror?.fresh ?? false),
    ),
    counter(
      "fleet_mirror_breaks_total",
      "Times that the watch on the registry broke.",
      one(mirror?.breaks ?? 0),
    ),
  ];
  if (mirror === undefined) return head;
  const { snapshot } = mirror;
  const count = (key: string, values: Iterable<string>): Metric["samples"] =>
    [...Map.groupBy(values, (value) => value)]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([value, all]) => [`${key}="${value}"`, all.length]);
  const units = [...snapshot.units.values()];
  return [
    ...head,
    gauge(
      "fleet_mirror_revision",
      "The registry's revision that the copy shows.",
      one(Number(snapshot.revision)),
    ),
    gauge("fleet_machines", "Machines in the cluster.", one(snapshot.machines.size)),
    gauge(
      "fleet_units",
      "Units by what they shall be.",
      count(
        "desired",
        units.map(({ desired }) => desired),
      ),
    ),
    gauge(
      "fleet_units_current",
      "Units by how far they are; global ones have none.",
      count("state", currents(snapshot)),
    ),
    gauge("fleet_units_refused", "Wanted units that no machine can run.", one(snapshot.refusals.size)),
    gauge(
      "fleet_unit_states",
      "What systemd says of units, over all machines.",
      count("active", actives(snapshot)),
    ),
  ];
}

function currents(snapshot: Snapshot): string[] {
  return [...snapshot.units.values()].flatMap((unit) => currentState(unit, snapshot) ?? []);
}

function actives({ states }: Snapshot): string[] {
  return [...states.values()].flatMap((machines) => [...machines.values()].map(({ active }) => active));
}

function serverMetrics({ version, requests, streams, telemetry }: MetricsSource): Metric[] {
  const { cpu, resident, heap, external } = telemetry.process;
  const answered = [...requests]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, count]) => {
      const [method = "", status = ""] = key.split(" ");
      return [`method="${method}",status="${status}"`, count] as const;
    });
  return [
    counter("fleet_api_requests_total", "Answered requests.", answered),
    gauge("fleet_api_event_streams", "Clients that follow the event stream.", one(streams)),
    gauge("fleet_build_info", "fleetd's version.", [[`version="${version}"`, 1]]),
    counter("process_cpu_seconds_total", "Processor time of fleetd.", one(cpu)),
    gauge("process_resident_memory_bytes", "Memory of fleetd that is resident.", one(resident)),
    gauge("nodejs_heap_used_bytes", "Of it: JavaScript objects.", one(heap)),
    gauge("nodejs_external_memory_bytes", "Of it: buffers.", one(external)),
  ];
}
