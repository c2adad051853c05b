import { describe, expect, it } from "vitest";
import { imaginedHistory, type ImaginedHistory } from "../../../test/support/imagined-history.ts";
import type { HistoryEvent, NodeAudit } from "../history/history.ts";
import { checkInvariants, isSettled } from "./all.ts";
import type { InvariantResult } from "./invariant.ts";

const a = "a.service";
const b = "b.service";
const image = "Service/ExecStart=/usr/bin/docker run --rm --name a busybox";

function resultOf(events: readonly HistoryEvent[], name: string): InvariantResult {
  const found = checkInvariants(events).find((result) => result.name === name);
  if (found === undefined) throw new Error(`no invariant is called ${name}`);
  return found;
}
const textsOf = (result: InvariantResult): string => result.findings.map(({ text }) => text).join("; ");

/** The unit runs on core-02. */
const running = (...units: string[]): ImaginedHistory => {
  const history = imaginedHistory(units.length === 0 ? [a] : units);
  return history.sample(0, "core-02", a, "active", "one");
};
const audited = (second: number, history: ImaginedHistory, audit: Partial<NodeAudit>): ImaginedHistory =>
  history.at(second, {
    kind: "audit",
    phase: "after",
    audit: { node: "core-02", containers: undefined, units: undefined, states: undefined, ...audit },
  });

describe("one-copy", () => {
  it("is broken by a second copy while the network is whole", () => {
    const result = resultOf(running().sample(5, "core-03", a, "active", "two").end(9), "one-copy");
    expect(result.outcome).toBe("fail");
    expect(textsOf(result)).toContain("on core-02 and core-03 at once for 4.0 s");
  });

  it("tells of a second copy during a partition, with its duration, and holds", () => {
    const history = running()
      .fault(2, "inject", "partition", "network", "core-02")
      .sample(6, "core-03", a, "active", "two")
      .fault(8, "healed", "partition", "network", "core-02")
      .sample(10, "core-02", a, "inactive", "");
    const result = resultOf(history.end(12), "one-copy");
    expect(result.outcome).toBe("pass");
    expect(textsOf(result)).toContain("at once for 4.0 s, while the machines were split");
  });

  it("does not take the error of measurement for a copy", () => {
    const history = running()
      .sample(5, "core-03", a, "active", "two")
      .sample(5.2, "core-02", a, "inactive", "");
    expect(resultOf(history.end(9), "one-copy").outcome).toBe("pass");
  });

  it("lets a global unit run everywhere", () => {
    const history = running()
      .submitted(0, a, "launched", "X-Fleet/Global=true")
      .sample(0, "core-03", a, "active", "two");
    expect(resultOf(history.end(9), "one-copy").outcome).toBe("pass");
  });
});

describe("constraints", () => {
  it("is broken by units that conflict and share a machine", () => {
    const history = running(a, b)
      .submitted(0, a, "launched", "X-Fleet/Conflicts=b*")
      .submitted(0, b, "launched")
      .sample(5, "core-02", b, "active");
    const result = resultOf(history.end(9), "constraints");
    expect(textsOf(result)).toContain("conflict and ran on core-02 together for 4.0 s");
  });

  it("is broken by units that belong together and run apart", () => {
    const history = running(a, b)
      .submitted(0, b, "launched", `X-Fleet/MachineOf=${a}`)
      .submitted(0, a, "launched")
      .sample(5, "core-03", b, "active");
    expect(textsOf(resultOf(history.end(9), "constraints"))).toContain("ran on core-03 and core-02");
  });

  it("is not told when no unit file is known", () => {
    expect(resultOf(running().end(9), "constraints").outcome).toBe("unobserved");
  });
});

describe("status-agrees", () => {
  it("is broken when fleet goes on saying that a unit runs which systemd has ended", () => {
    const history = running().told(0, "core-02", a, "active").sample(4, "core-02", a, "failed", "");
    const result = resultOf(history.end(9), "status-agrees");
    expect(result.outcome).toBe("fail");
    expect(textsOf(result)).toContain("fleet said active, systemd failed, for 5.0 s");
  });

  it("gives fleet the time that publishing takes", () => {
    const history = running()
      .told(0, "core-02", a, "active")
      .sample(4, "core-02", a, "failed", "")
      .told(4.4, "core-02", a, "failed");
    expect(resultOf(history.end(9), "status-agrees").outcome).toBe("pass");
  });

  it("excuses a machine that lost its power", () => {
    const history = running()
      .told(0, "core-02", a, "active")
      .fault(4, "inject", "power-cut", "off", "core-02")
      .sample(4, "core-02", a, "inactive", "");
    expect(resultOf(history.end(9), "status-agrees").outcome).toBe("pass");
  });

  it("is broken when an API contradicts systemd at rest", () => {
    const history = audited(8, running(), { states: [{ unit: a, machine: "core-02", active: "failed" }] });
    expect(textsOf(resultOf(history.end(9), "status-agrees"))).toContain("core-02's fleet says");
  });

  const says = (second: number, active: string, history: ImaginedHistory): ImaginedHistory =>
    audited(second, history, { states: [{ unit: a, machine: "core-02", active }] });
  const ending = (): ImaginedHistory => running().sample(8, "core-02", a, "deactivating", "");

  it("is not broken by an API that was asked just when systemd began to end the unit", () => {
    expect(isSettled(says(8.4, "active", ending()).end(9))).toBe(false);
    const history = says(8.9, "deactivating", says(8.4, "active", ending()));
    expect(resultOf(history.end(9), "status-agrees").outcome).toBe("pass");
    expect(isSettled(history.end(9))).toBe(true);
  });

  it("is broken by an API that goes on saying it, also while the unit's end goes through its states", () => {
    const history = says(8.4, "active", ending()).sample(10, "core-02", a, "inactive", "");
    expect(resultOf(says(11.1, "active", history).end(12), "status-agrees").outcome).toBe("fail");
  });

  it("is not broken by what was last seen of a machine that is out of sight", () => {
    const history = running().at(4, { kind: "sight", node: "core-02", seen: false });
    expect(resultOf(says(9, "failed", history).end(9), "status-agrees").outcome).toBe("pass");
  });
});

describe("converged", () => {
  const after = (history: ImaginedHistory): ImaginedHistory =>
    history.submitted(0, a, "launched").at(5, { kind: "phase", phase: "after" });

  it("holds when the unit runs where it was placed", () => {
    const history = after(running().placed(0, a, "core-02"));
    expect(resultOf(history.end(9), "converged")).toMatchObject({ outcome: "pass", findings: [] });
  });

  it("is broken when it runs elsewhere, or a machine is missing", () => {
    const history = after(running().placed(0, a, "core-01").machine(4, "core-03", false));
    const result = resultOf(history.end(9), "converged");
    expect(textsOf(result)).toContain("core-03 is not among fleet's machines");
    expect(textsOf(result)).toContain("ran on core-02; fleet had placed it on core-01");
  });
});

describe("no-needless-restarts", () => {
  it("is broken by a restart on a machine that no fault touched", () => {
    const history = running()
      .fault(3, "inject", "power-cut", "off", "core-03")
      .sample(5, "core-02", a, "active", "two");
    expect(textsOf(resultOf(history.end(9), "no-needless-restarts"))).toContain("again on core-02");
  });

  it("is broken by a restart because etcd was in trouble", () => {
    const history = running()
      .fault(3, "inject", "kill-etcd", "process", "core-02")
      .sample(5, "core-02", a, "active", "two");
    expect(resultOf(history.end(9), "no-needless-restarts").outcome).toBe("fail");
  });

  it("holds when the machine lost its power, or a step asked for the restart", () => {
    const lost = running()
      .fault(3, "inject", "power-cut", "off", "core-02")
      .fault(3.1, "active", "power-cut", "off", "core-02")
      .sample(5, "core-03", a, "active", "two");
    const asked = running()
      .at(4, { kind: "step", step: 1, text: "stop a.service" })
      .sample(4, "core-02", a, "inactive", "")
      .sample(5, "core-02", a, "active", "two");
    for (const history of [lost, asked]) {
      expect(resultOf(history.end(9), "no-needless-restarts").outcome).toBe("pass");
    }
  });
});

describe("no-orphans", () => {
  it("is broken by a container without its unit", () => {
    const history = running().submitted(0, a, "launched", image).sample(5, "core-02", a, "inactive", "");
    const result = resultOf(audited(8, history, { containers: ["a"] }).end(9), "no-orphans");
    expect(result.outcome).toBe("fail");
    expect(textsOf(result)).toBe("container a runs on core-02, where a.service does not");
  });

  it("holds when the unit runs there, and leaves containers of others alone", () => {
    const history = running().submitted(0, a, "launched", image);
    const result = resultOf(audited(8, history, { containers: ["a", "own"] }).end(9), "no-orphans");
    expect(result.outcome).toBe("pass");
    expect(textsOf(result)).toContain("container own");
  });

  it("holds when one of the units that call their containers the same runs there", () => {
    const [one, two] = ["single@1.service", "single@2.service"];
    const history = running(one, two)
      .submitted(0, one, "launched", image)
      .submitted(0, two, "launched", image);
    history.sample(5, "core-02", one, "active", "1").sample(5, "core-02", two, "inactive", "");
    expect(resultOf(audited(8, history, { containers: ["a"] }).end(9), "no-orphans").outcome).toBe("pass");
  });

  it("is not told when nobody asked Docker", () => {
    expect(resultOf(running().end(9), "no-orphans").outcome).toBe("unobserved");
  });
});

describe("nothing-lost", () => {
  it("is broken by a unit that is gone, or wanted otherwise", () => {
    const history = running().submitted(0, a, "launched");
    expect(textsOf(resultOf(audited(8, history, { units: [] }).end(9), "nothing-lost"))).toBe(
      "a.service is gone from etcd",
    );
    const other = running().submitted(0, a, "launched").submitted(5, a, "inactive");
    expect(textsOf(resultOf(other.end(9), "nothing-lost"))).toBe(
      "a.service was launched in etcd and is inactive",
    );
  });

  it("holds when a step asked for it", () => {
    const history = running()
      .submitted(0, a, "launched")
      .at(4, { kind: "step", step: 1, text: "stop a.service" })
      .submitted(5, a, "inactive");
    expect(resultOf(history.end(9), "nothing-lost").outcome).toBe("pass");
  });
});
