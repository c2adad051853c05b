import { DBusError, type Message, type Variant } from "@jellybrick/dbus-next";
import type { Clock } from "../../foundation/clock.ts";
import { AppError } from "../../foundation/errors.ts";
import type { Log } from "../../foundation/log.ts";
import { createBatch } from "../../foundation/batch.ts";
import { createBroadcast } from "./broadcast.ts";
import { createJobs, type UnitRow } from "./jobs.ts";
import { createLink, type CallOptions, type Link } from "./link.ts";
import type { JobResult, LocalUnit, Systemd, SystemdStatus } from "./systemd.ts";
import { createUnitDirectory } from "./unit-directory.ts";
import { unitOfPath } from "./unit-path.ts";

export interface DbusSystemdOptions {
  /** As D-Bus writes it, e.g. `unix:path=/run/dbus/system_bus_socket`. */
  readonly busAddress: string;
  /** fleet's own directory, e.g. /run/fleet/units; made when it is missing. */
  readonly unitsDirectory: string;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a call may take, waiting for a connection included, ms; 10 s when not given. */
  readonly patience?: number;
}

/** A reload reads every unit file of the system again. */
const reloadWithin = 60_000;
const fileNotFound = "org.freedesktop.DBus.Error.FileNotFound";
const noSuchUnit = "org.freedesktop.systemd1.NoSuchUnit";

/**
 * The systemd of this machine, over D-Bus. It connects by itself, also again after a restart of dbus-daemon or systemd;
 * calls wait for that up to `patience` and reject with E_SYSTEMD afterwards.
 */
export function createDbusSystemd(options: DbusSystemdOptions): Systemd {
  return new DbusSystemd(options);
}

class DbusSystemd implements Systemd {
  readonly #directory;
  readonly #link: Link;
  readonly #jobs = createJobs();
  // systemd looks through all of its directories for each such call, 20 ms for one unit as for a hundred; and again
  // for the first unit that it loads after a link was made.
  readonly #linkFiles = createBatch(async (paths: readonly string[]) => {
    await this.#must("LinkUnitFiles", "asbb", [paths, true, true]);
    return paths;
  });
  readonly #disable = createBatch(async (names: readonly string[]) => {
    const expected = names.length === 1 ? [noSuchUnit, fileNotFound] : [];
    await this.#try("DisableUnitFiles", "asb", [names, true], expected);
    return names;
  });
  /** Whether systemd has the unit in memory; asking by name would load it. */
  readonly #isLoaded = createBatch(async (names: readonly string[]) => {
    const patterns = names.map((name) => name.replaceAll("\\", "\\\\"));
    const [rows] = await this.#must("ListUnitsByPatterns", "asas", [[], patterns]);
    const loaded = new Set((rows as readonly (readonly string[])[]).map(([name]) => name));
    return names.map((name) => loaded.has(name));
  });
  readonly #lookAt = createBatch(
    async (names: readonly string[]): Promise<readonly (UnitRow | undefined)[]> => {
      const rows = await this.#look(names);
      // It keeps the order, and gives an alias its real name; what is no name at all it leaves out.
      return rows.length === names.length ? rows : names.map((name) => rows.find((row) => row.name === name));
    },
  );
  readonly #changes = createBroadcast<{ name: string; status: SystemdStatus }>();
  /** The last that was heard of each unit in the directory. */
  readonly #known = new Map<string, SystemdStatus>();
  #reloadNext: Promise<void> | undefined;
  #reloading: Promise<unknown> = Promise.resolve();

  constructor(options: DbusSystemdOptions) {
    this.#directory = createUnitDirectory(options.unitsDirectory);
    this.#link = createLink({
      address: options.busAddress,
      clock: options.clock,
      log: options.log,
      patience: options.patience ?? 10_000,
      onSignal: (message) => this.#hear(message),
      onUp: (lost) => this.#catchUp(lost),
    });
  }

  async list(signal?: AbortSignal): Promise<readonly LocalUnit[]> {
    const names = await this.#directory.names();
    const rows = await this.#look(names, signal);
    const units = await Promise.all(
      rows.map(async ({ name, status }) => ({ name, content: await this.#directory.read(name), status })),
    );
    return units.flatMap(({ name, content, status }) =>
      content === undefined ? [] : [{ name, content, status }],
    );
  }

  async install(name: string, content: string, signal?: AbortSignal): Promise<void> {
    const changed = await this.#directory.write(name, content);
    if (!this.#known.has(name)) this.#known.set(name, { load: "loaded", active: "inactive", sub: "dead" });
    try {
      const path = this.#directory.path(name);
      signal?.throwIfAborted();
      await this.#linkFiles(path);
      if (/^\[Install\]/m.test(content)) await this.#enable(name, path, signal);
      if (changed && (await this.#isLoaded(name))) await this.#reload();
    } catch (error) {
      // Half installed is worse than not installed: the next try shall begin anew.
      if (changed) await this.#directory.remove(name);
      throw error;
    }
  }

  start(name: string, signal?: AbortSignal): Promise<JobResult> {
    return this.#run("start", name, signal);
  }

  stop(name: string, signal?: AbortSignal): Promise<JobResult> {
    return this.#run("stop", name, signal);
  }

  async remove(name: string, signal?: AbortSignal): Promise<void> {
    // Neither error means that anything is left: there is no link (any more), or no failure to forget.
    signal?.throwIfAborted();
    await this.#disable(name);
    await this.#try("ResetFailedUnit", "s", [name], [noSuchUnit], signal);
    await this.#directory.remove(name);
    this.#known.delete(name);
  }

  async status(name: string, signal?: AbortSignal): Promise<SystemdStatus> {
    signal?.throwIfAborted();
    const row = await this.#lookAt(name);
    if (row === undefined) throw new AppError("E_SYSTEMD", `systemd said nothing of ${name}`);
    return row.status;
  }

  changes(signal: AbortSignal): AsyncIterable<{ readonly name: string; readonly status: SystemdStatus }> {
    return this.#changes.listen(signal);
  }

  close(): Promise<void> {
    this.#link.close();
    this.#changes.close();
    this.#jobs.fail(new AppError("E_INTERRUPTED", "the connection to systemd was closed"));
    return Promise.resolve();
  }

  async #run(kind: "start" | "stop", name: string, signal: AbortSignal | undefined): Promise<JobResult> {
    const member = kind === "start" ? "StartUnit" : "StopUnit";
    const request = async (): Promise<string> =>
      String((await this.#link.call(member, "ss", [name, "replace"], { signal }))[0]);
    try {
      return await this.#jobs.run(name, kind, request, signal);
    } catch (error) {
      if (!(error instanceof DBusError)) throw error;
      if (kind === "stop" && error.type === noSuchUnit) return { result: "done" };
      return { result: "refused", why: error.text };
    }
  }

  /** Asks for [Install]: systemd may then start the unit on its own, as fleet's users know it. */
  async #enable(name: string, path: string, signal: AbortSignal | undefined): Promise<void> {
    const [carries] = await this.#must("EnableUnitFiles", "asbb", [[path], true, true], { signal });
    if (carries === true) return;
    throw new AppError("E_SYSTEMD", `the [Install] section of ${name} tells systemd nothing`, {
      hint: "give it WantedBy=, RequiredBy= or Alias=, or leave the section out",
    });
  }

  /** One reload serves all who asked before it began. */
  #reload(): Promise<void> {
    this.#reloadNext ??= this.#reloading
      .catch(() => undefined)
      .then(async () => {
        this.#reloadNext = undefined;
        const now = this.#must("Reload", "", [], { within: reloadWithin });
        this.#reloading = now;
        await now;
      });
    return this.#reloadNext;
  }

  async #look(names: readonly string[], signal?: AbortSignal): Promise<readonly UnitRow[]> {
    if (names.length === 0) return [];
    const [rows] = await this.#must("ListUnitsByNames", "as", [names], { signal });
    return (rows as readonly (readonly string[])[]).map((row) => ({
      name: row[0] ?? "",
      status: { load: row[2] ?? "", active: row[3] ?? "", sub: row[4] ?? "" },
      job: row[8] ?? "/",
    }));
  }

  async #must(
    member: string,
    signature: string,
    body: readonly unknown[],
    options: CallOptions = {},
  ): Promise<readonly unknown[]> {
    try {
      return await this.#link.call(member, signature, body, options);
    } catch (error) {
      if (!(error instanceof DBusError)) throw error;
      throw new AppError("E_SYSTEMD", `systemd refused ${member}: ${error.text}`, { cause: error });
    }
  }

  /** Undefined when systemd answers with one of these errors. */
  async #try(
    member: string,
    signature: string,
    body: readonly unknown[],
    expected: readonly string[],
    signal?: AbortSignal,
  ): Promise<readonly unknown[] | undefined> {
    try {
      return await this.#link.call(member, signature, body, { signal });
    } catch (error) {
      if (!(error instanceof DBusError)) throw error;
      if (expected.includes(error.type)) return undefined;
      throw new AppError("E_SYSTEMD", `systemd refused ${member}: ${error.text}`, { cause: error });
    }
  }

  /** After each (re)connection: what changed while nobody listened. */
  async #catchUp(lost: AbortSignal): Promise<void> {
    const missed = this.#jobs.afterGap();
    const names = new Set([...(await this.#directory.names()), ...missed.units]);
    const rows = await this.#look([...names], lost);
    for (const { name, status } of rows) {
      if (this.#known.has(name)) this.#note(name, status);
      else this.#known.set(name, status);
    }
    missed.settle(rows);
  }

  #hear(message: Message): void {
    const { body } = message;
    if (message.member === "JobRemoved") this.#jobs.removed(String(body[1]), String(body[3]));
    else if (message.member === "UnitRemoved") {
      // systemd forgets only what is idle. Asking it now would load the unit again, and so on for ever.
      const known = this.#known.get(String(body[0]));
      if (known !== undefined) this.#note(String(body[0]), { ...known, active: "inactive", sub: "dead" });
    } else if (message.member === "PropertiesChanged") this.#properties(message);
  }

  #properties({ path, body }: Message): void {
    const name = unitOfPath(path);
    const known = name === undefined ? undefined : this.#known.get(name);
    if (name === undefined || known === undefined) return;
    const changed = body[1] as Readonly<Record<string, Variant<string> | undefined>>;
    const active = changed["ActiveState"]?.value;
    const sub = changed["SubState"]?.value;
    if (active === undefined && sub === undefined) return;
    // LoadState is not among the properties that are signalled; what changes its state has been loaded.
    this.#note(name, { load: "loaded", active: active ?? known.active, sub: sub ?? known.sub });
  }

  #note(name: string, status: SystemdStatus): void {
    const known = this.#known.get(name);
    this.#known.set(name, status);
    if (known?.load === status.load && known.active === status.active && known.sub === status.sub) return;
    this.#changes.send({ name, status });
  }
}
