import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Systemd, SystemdStatus } from "../../src/fleet/systemd/systemd.ts";

/** One systemd to try the contract on. */
export interface SystemdSubject {
  readonly systemd: Systemd;
  close(): Promise<void>;
}

const service = (...lines: readonly string[]): string => `[Service]\n${lines.join("\n")}\n`;

/** Unit files that do the same under the twin, under the mock on a real bus and under a real systemd. */
export const unitFiles = {
  sleeper: service("ExecStart=/bin/sleep 1000"),
  sleeper2: service("ExecStart=/bin/sleep 2000"),
  slowToStop: service("ExecStart=/bin/sleep 1000", "ExecStop=/bin/sleep 0.4"),
  slowToStart: service("ExecStartPre=/bin/sleep 0.4", "ExecStart=/bin/sleep 1000"),
  afterSlow: `[Unit]\nAfter=contract-slow.service\n${service("ExecStart=/bin/sleep 1000")}`,
  failing: service("Type=oneshot", "ExecStart=/bin/false"),
  oneshot: service("Type=oneshot", "RemainAfterExit=yes", "ExecStart=/bin/true"),
  broken: service("Restart=no"),
};

/** What every implementation of the Systemd port must do. */
export function describeSystemd(name: string, makeSubject: () => Promise<SystemdSubject>): void {
  describe(`${name} keeps the contract of the systemd port`, () => {
    let subject: SystemdSubject;
    let systemd: Systemd;
    let stop: AbortController;

    beforeEach(async () => {
      subject = await makeSubject();
      systemd = subject.systemd;
      stop = new AbortController();
    });

    afterEach(async () => {
      stop.abort();
      for (const unit of await systemd.list()) {
        await systemd.stop(unit.name);
        await systemd.remove(unit.name);
      }
      await subject.close();
    });

    /** Collects the changes of one unit until it reaches `active`. */
    const follow = async (unit: string, active: string): Promise<SystemdStatus[]> => {
      const seen: SystemdStatus[] = [];
      for await (const change of systemd.changes(stop.signal)) {
        if (change.name !== unit) continue;
        seen.push(change.status);
        if (change.status.active === active) break;
      }
      return seen;
    };

    it("lists nothing in an empty directory", async () => {
      expect(await systemd.list()).toEqual([]);
    });

    it("lists an installed unit with its content, loaded but not running", async () => {
      await systemd.install("contract-a.service", unitFiles.sleeper);
      expect(await systemd.list()).toEqual([
        {
          name: "contract-a.service",
          content: unitFiles.sleeper,
          status: { load: "loaded", active: "inactive", sub: "dead" },
        },
      ]);
    });

    it("starts a unit and stops it, telling each change", async () => {
      await systemd.install("contract-a.service", unitFiles.sleeper);
      const started = follow("contract-a.service", "active");
      expect(await systemd.start("contract-a.service")).toEqual({ result: "done" });
      expect((await started).at(-1)).toEqual({ load: "loaded", active: "active", sub: "running" });
      expect(await systemd.status("contract-a.service")).toEqual({
        load: "loaded",
        active: "active",
        sub: "running",
      });
      const stopped = follow("contract-a.service", "inactive");
      expect(await systemd.stop("contract-a.service")).toEqual({ result: "done" });
      expect((await stopped).at(-1)).toEqual({ load: "loaded", active: "inactive", sub: "dead" });
    });

    it("ends a start of a running unit at once, changing nothing", async () => {
      await systemd.install("contract-a.service", unitFiles.sleeper);
      await systemd.start("contract-a.service");
      expect(await systemd.start("contract-a.service")).toEqual({ result: "done" });
      expect((await systemd.status("contract-a.service")).active).toBe("active");
    });

    it("takes a stop of a unit that is not loaded as done", async () => {
      expect(await systemd.stop("contract-nobody.service")).toEqual({ result: "done" });
    });

    it("waits for a slow stop until the unit has really ended", async () => {
      await systemd.install("contract-slow.service", unitFiles.slowToStop);
      await systemd.start("contract-slow.service");
      const ending = follow("contract-slow.service", "deactivating");
      const stopped = systemd.stop("contract-slow.service");
      await ending;
      expect((await systemd.status("contract-slow.service")).active).toBe("deactivating");
      expect(await stopped).toEqual({ result: "done" });
      expect((await systemd.status("contract-slow.service")).active).toBe("inactive");
    });

    it("leaves a unit dead whose start waits for another unit's, and starts it then", async () => {
      await systemd.install("contract-slow.service", unitFiles.slowToStart);
      await systemd.install("contract-a.service", unitFiles.afterSlow);
      const activating = follow("contract-slow.service", "activating");
      const first = systemd.start("contract-slow.service");
      await activating;
      const second = systemd.start("contract-a.service");
      expect((await systemd.status("contract-a.service")).active).toBe("inactive");
      expect(await Promise.all([first, second])).toEqual([{ result: "done" }, { result: "done" }]);
      expect((await systemd.status("contract-a.service")).active).toBe("active");
    });

    it("forgets a start that still waits when a stop replaces it", async () => {
      await systemd.install("contract-slow.service", unitFiles.slowToStart);
      await systemd.install("contract-a.service", unitFiles.afterSlow);
      const activating = follow("contract-slow.service", "activating");
      const slow = systemd.start("contract-slow.service");
      await activating;
      const started = systemd.start("contract-a.service");
      expect((await systemd.status("contract-a.service")).active).toBe("inactive");
      expect(await systemd.stop("contract-a.service")).toEqual({ result: "done" });
      expect(await started).toMatchObject({ result: "canceled" });
      await slow;
    });

    it("says that a start was canceled when a stop replaces it", async () => {
      await systemd.install("contract-slow.service", unitFiles.slowToStart);
      const activating = follow("contract-slow.service", "activating");
      const started = systemd.start("contract-slow.service");
      await activating;
      expect(await systemd.stop("contract-slow.service")).toEqual({ result: "done" });
      expect(await started).toMatchObject({ result: "canceled" });
    });

    it("says that a unit failed to start, and forgets it when it is removed", async () => {
      await systemd.install("contract-bad.service", unitFiles.failing);
      expect(await systemd.start("contract-bad.service")).toMatchObject({ result: "failed" });
      expect((await systemd.status("contract-bad.service")).active).toBe("failed");
      await systemd.remove("contract-bad.service");
      expect(await systemd.status("contract-bad.service")).toEqual({
        load: "not-found",
        active: "inactive",
        sub: "dead",
      });
    });

    it("calls a start refused when systemd cannot use the file, and says why", async () => {
      await systemd.install("contract-broken.service", unitFiles.broken);
      const result = await systemd.start("contract-broken.service");
      expect(result).toMatchObject({
        result: "refused",
        why: expect.stringContaining("contract-broken.service"),
      });
      expect((await systemd.status("contract-broken.service")).load).toBe("bad-setting");
    });

    it("refuses to start what was never installed", async () => {
      expect(await systemd.start("contract-nobody.service")).toMatchObject({ result: "refused" });
    });

    it("runs the new content after a stop, a new install and a start", async () => {
      await systemd.install("contract-a.service", unitFiles.oneshot);
      await systemd.start("contract-a.service");
      expect((await systemd.status("contract-a.service")).sub).toBe("exited");
      await systemd.stop("contract-a.service");
      await systemd.install("contract-a.service", unitFiles.sleeper);
      await systemd.start("contract-a.service");
      expect((await systemd.status("contract-a.service")).sub).toBe("running");
    });

    it("lets systemd read a file again that changed while its unit runs", async () => {
      await systemd.install("contract-a.service", unitFiles.sleeper);
      await systemd.start("contract-a.service");
      await systemd.install("contract-a.service", unitFiles.slowToStop);
      const ending = follow("contract-a.service", "deactivating");
      const stopped = systemd.stop("contract-a.service");
      await ending;
      expect((await systemd.status("contract-a.service")).active).toBe("deactivating");
      await stopped;
    });

    it("removes a stopped unit, twice without complaint", async () => {
      await systemd.install("contract-a.service", unitFiles.sleeper);
      await systemd.start("contract-a.service");
      await systemd.stop("contract-a.service");
      await systemd.remove("contract-a.service");
      await systemd.remove("contract-a.service");
      expect(await systemd.list()).toEqual([]);
      expect((await systemd.status("contract-a.service")).load).toBe("not-found");
    });

    it("keeps names with every allowed character apart", async () => {
      const names = [
        "contract-x@a:b_c.d.service",
        "contract-x@a:b_c-d.service",
        "contract-x@a\\x2db.service",
      ];
      for (const unit of names) await systemd.install(unit, unitFiles.sleeper);
      for (const unit of names) {
        const started = follow(unit, "active");
        await systemd.start(unit);
        await started;
      }
      expect((await systemd.list()).map((unit) => unit.name).toSorted()).toEqual(names.toSorted());
    });

    it("starts two hundred units at once", async () => {
      const names = Array.from({ length: 200 }, (_, index) => `contract-many-${index}.service`);
      await Promise.all(names.map((unit) => systemd.install(unit, unitFiles.sleeper)));
      const results = await Promise.all(names.map((unit) => systemd.start(unit)));
      expect(results.filter(({ result }) => result !== "done")).toEqual([]);
      const states = (await systemd.list()).map((unit) => unit.status.active);
      expect(states).toEqual(Array.from({ length: 200 }, () => "active"));
      await Promise.all(names.map((unit) => systemd.stop(unit)));
      await Promise.all(names.map((unit) => systemd.remove(unit)));
    });

    it("gives up waiting when the caller does, and leaves the job alone", async () => {
      await systemd.install("contract-slow.service", unitFiles.slowToStart);
      const giveUp = new AbortController();
      const activating = follow("contract-slow.service", "activating");
      const started = systemd.start("contract-slow.service", giveUp.signal);
      await activating;
      const active = follow("contract-slow.service", "active");
      giveUp.abort(new Error("no more time"));
      await expect(started).rejects.toThrow("no more time");
      expect((await active).at(-1)?.sub).toBe("running");
    });
  });
}
