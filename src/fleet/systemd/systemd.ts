/**
 * What fleet needs of the node's systemd, as a port. The adapter speaks D-Bus; the in-memory twin behaves the same and
 * one contract suite holds both to it. Only units that live in fleet's own directory (/run/fleet/units) are touched.
 */
export interface Systemd {
  /** The units of fleet's directory: name, file content and what systemd says. */
  list(signal?: AbortSignal): Promise<readonly LocalUnit[]>;
  /** Writes the unit file and links it; reloads systemd only when a still loaded unit's file changed. */
  install(name: string, content: string, signal?: AbortSignal): Promise<void>;
  /** Starts it and waits for the job to end. */
  start(name: string, signal?: AbortSignal): Promise<JobResult>;
  /** Stops it and waits for the job to end. */
  stop(name: string, signal?: AbortSignal): Promise<JobResult>;
  /** Unlinks and deletes the file of a stopped unit and forgets its failure. Idempotent. */
  remove(name: string, signal?: AbortSignal): Promise<void>;
  /** The present state of one unit; `not-found` as load when systemd does not know it. */
  status(name: string, signal?: AbortSignal): Promise<SystemdStatus>;
  /** Each change of a unit in fleet's directory, as it comes. Survives a restart of dbus-daemon or systemd. */
  changes(signal: AbortSignal): AsyncIterable<{ readonly name: string; readonly status: SystemdStatus }>;
  close(): Promise<void>;
}

/** systemd's LoadState, ActiveState and SubState. */
export interface SystemdStatus {
  readonly load: string;
  readonly active: string;
  readonly sub: string;
}

export interface LocalUnit {
  readonly name: string;
  readonly content: string;
  readonly status: SystemdStatus;
}

/** systemd's own words; `done` is success, `refused` is when systemd would not even queue the job. */
export type JobResult =
  | { readonly result: "done" }
  | {
      readonly result: "failed" | "canceled" | "timeout" | "dependency" | "skipped" | "refused";
      readonly why: string;
    };
