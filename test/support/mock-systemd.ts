import { setTimeout as wait } from "node:timers/promises";
import { readFileSync } from "node:fs";
import { Message, MessageType, sessionBus, Variant, type MessageBus } from "@jellybrick/dbus-next";
import { systemClock } from "../../src/foundation/clock.ts";
import {
  createSimulatedManager,
  SimulatedRefusal,
  type SimulatedEvent,
  type SimulatedManager,
} from "../../src/fleet/systemd/simulation.ts";
import { unitPath } from "../../src/fleet/systemd/unit-path.ts";

const systemd = "org.freedesktop.systemd1";
/** The signature of a list of units. */
const rows = "a(ssssssouso)";
const jobPath = (id: number): string => (id === 0 ? "/" : `/org/freedesktop/systemd1/job/${id}`);

/** A service manager without processes behind the D-Bus interface of systemd, on a real bus. */
export interface MockSystemd {
  /** Each method call, as `StartUnit a.service`. */
  readonly calls: readonly string[];
  /** The most calls that were waiting for their reply at one time. */
  readonly busiest: number;
  readonly manager: SimulatedManager;
  /** Sends the end of a job before the reply that names it, as systemd may. */
  hasty: boolean;
  /** A method that gets no answer. */
  mute: string | undefined;
  /** Joins the bus (again). */
  connect(): Promise<void>;
  close(): Promise<void>;
}

export async function startMockSystemd(address: string): Promise<MockSystemd> {
  const mock = new Mock(address);
  await mock.connect();
  return mock;
}

class Mock implements MockSystemd {
  readonly calls: string[] = [];
  readonly manager: SimulatedManager;
  busiest = 0;
  hasty = false;
  mute: string | undefined;
  readonly #address: string;
  readonly #linked = new Map<string, string>();
  #bus: MessageBus | undefined;
  #subscribed = false;
  #pending = 0;

  constructor(address: string) {
    this.#address = address;
    this.manager = createSimulatedManager({
      clock: systemClock(),
      read: (name) => this.#read(name),
      tell: (event) => this.#tell(event),
    });
  }

  async connect(): Promise<void> {
    this.#subscribed = false;
    const bus = sessionBus({ busAddress: this.#address });
    // The bus goes away in tests on purpose; the test calls connect() again.
    bus.on("error" as "connect", () => undefined);
    bus.addMethodHandler((message: Message) => {
      if (message.type !== MessageType.METHOD_CALL || message.interface !== `${systemd}.Manager`)
        return false;
      void this.#answer(bus, message);
      return true;
    });
    await bus.requestName(systemd);
    this.#bus = bus;
  }

  close(): Promise<void> {
    this.#bus?.disconnect();
    return Promise.resolve();
  }

  #read(name: string): string | undefined {
    const file = this.#linked.get(name);
    if (file === undefined) return undefined;
    try {
      return readFileSync(file, "utf8");
    } catch {
      return undefined;
    }
  }

  async #answer(bus: MessageBus, message: Message): Promise<void> {
    this.calls.push(
      [message.member, ...message.body.flat().filter((part) => typeof part === "string")].join(" "),
    );
    this.busiest = Math.max(this.busiest, ++this.#pending);
    if (message.member === this.mute) return;
    // As on a real bus, others get their turn between call and reply.
    await wait(1);
    try {
      const [signature, body] = this.#call(message.member, message.body);
      if (this.hasty && signature === "o") await wait(20);
      this.#send(
        bus,
        signature === ""
          ? Message.newMethodReturn(message)
          : Message.newMethodReturn(message, signature, body),
      );
    } catch (error) {
      const code =
        error instanceof SimulatedRefusal ? `${systemd}.${error.code}` : "org.freedesktop.DBus.Error.Failed";
      this.#send(
        bus,
        Message.newError(message, code, error instanceof Error ? error.message : String(error)),
      );
    } finally {
      this.#pending--;
    }
  }

  #call(member: string, body: readonly unknown[]): [string, unknown[]] {
    const name = String(body[0]);
    switch (member) {
      case "Subscribe":
        this.#subscribed = true;
        return ["", []];
      case "LinkUnitFiles":
        for (const file of body[0] as string[]) this.#linked.set(file.slice(file.lastIndexOf("/") + 1), file);
        return ["a(sss)", [[]]];
      case "EnableUnitFiles":
        return [
          "ba(sss)",
          [(body[0] as string[]).every((file) => readFileSync(file, "utf8").includes("WantedBy=")), []],
        ];
      case "DisableUnitFiles":
        for (const unit of body[0] as string[]) {
          if (!this.#linked.delete(unit))
            throw new SimulatedRefusal("NoSuchUnit", `Unit file ${unit} does not exist.`);
        }
        return ["a(sss)", [[]]];
      case "StartUnit":
        return ["o", [jobPath(this.manager.start(name))]];
      case "StopUnit":
        return ["o", [jobPath(this.manager.stop(name))]];
      case "ResetFailedUnit":
        this.manager.resetFailed(name);
        return ["", []];
      case "ListUnitsByPatterns": {
        // fnmatch(3) takes a backslash for an escape; nobody here uses its other signs.
        const names = (body[1] as string[]).map((pattern) => pattern.replaceAll("\\\\", "\\"));
        return [rows, [names.filter((unit) => this.manager.loaded(unit)).map((unit) => this.#row(unit))]];
      }
      case "Reload":
        this.manager.reload();
        return ["", []];
      case "ListUnitsByNames":
        return [rows, [(body[0] as string[]).map((unit) => this.#row(unit))]];
      default:
        throw new Error(`no method ${member} in this mock`);
    }
  }

  #row(name: string): unknown[] {
    const { load, active, sub, job } = this.manager.status(name);
    return [name, name, load, active, sub, "", unitPath(name), job, job === 0 ? "" : "start", jobPath(job)];
  }

  #tell(event: SimulatedEvent): void {
    if (event.kind === "job") {
      this.#signal(`${systemd}.Manager`, "JobRemoved", "uoss", [
        event.id,
        jobPath(event.id),
        event.name,
        event.result,
      ]);
    } else if (event.kind === "unloaded") {
      this.#signal(`${systemd}.Manager`, "UnitRemoved", "so", [event.name, unitPath(event.name)]);
    } else {
      const { active, sub } = event.status;
      const changed = { ActiveState: new Variant("s", active), SubState: new Variant("s", sub) };
      const body = [`${systemd}.Unit`, changed, []];
      this.#signal(
        "org.freedesktop.DBus.Properties",
        "PropertiesChanged",
        "sa{sv}as",
        body,
        unitPath(event.name),
      );
    }
  }

  #signal(
    face: string,
    member: string,
    signature: string,
    body: unknown[],
    path = "/org/freedesktop/systemd1",
  ): void {
    if (!this.#subscribed) return;
    if (this.#bus !== undefined)
      this.#send(this.#bus, Message.newSignal(path, face, member, signature, body));
  }

  #send(bus: MessageBus, message: Message): void {
    try {
      bus.send(message);
    } catch {
      // Nobody hears anything while the bus is away.
    }
  }
}
