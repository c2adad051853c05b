import { describe, expect, it } from "vitest";
import { createJobs } from "./jobs.ts";
import type { SystemdStatus } from "./systemd.ts";

const inactive: SystemdStatus = { load: "loaded", active: "inactive", sub: "dead" };
const running: SystemdStatus = { load: "loaded", active: "active", sub: "running" };

/** Lets everything go on that waits for nothing outside. */
const settled = (): Promise<void> => new Promise((done) => void setImmediate(done));

describe("jobs whose end may have been missed", () => {
  it("are settled by the state that they left behind", async () => {
    const jobs = createJobs();
    const stopping = jobs.run("a.service", "stop", async () => "/job/1");
    const starting = jobs.run("b.service", "start", async () => "/job/2");
    await settled();
    const missed = jobs.afterGap();
    expect(missed.units).toEqual(["a.service", "b.service"]);
    missed.settle([
      { name: "a.service", status: running, job: "/job/9" },
      { name: "b.service", status: running, job: "/" },
    ]);
    expect(await stopping).toMatchObject({ result: "canceled" });
    expect(await starting).toEqual({ result: "done" });
  });

  it("are still waited for when they are still there", async () => {
    const jobs = createJobs();
    const starting = jobs.run("a.service", "start", async () => "/job/1");
    await settled();
    jobs.afterGap().settle([{ name: "a.service", status: inactive, job: "/job/1" }]);
    jobs.removed("/job/1", "failed");
    expect(await starting).toMatchObject({ result: "failed" });
  });

  it("are not those that begin after the gap, though what is found is older than they are", async () => {
    const jobs = createJobs();
    const missed = jobs.afterGap();
    const stopping = jobs.run("a.service", "stop", async () => "/job/1");
    await settled();
    missed.settle([{ name: "a.service", status: running, job: "/" }]);
    jobs.removed("/job/1", "done");
    expect(await stopping).toEqual({ result: "done" });
  });

  it("do not make one forget an end after the gap that comes before the job's name", async () => {
    const jobs = createJobs();
    const missed = jobs.afterGap();
    const named = Promise.withResolvers<string>();
    const starting = jobs.run("a.service", "start", () => named.promise);
    jobs.removed("/job/1", "done");
    missed.settle([]);
    named.resolve("/job/1");
    expect(await starting).toEqual({ result: "done" });
  });
});
