import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { htmlReport } from "../../src/failover/report/html/page.ts";
import { finishedRun } from "../../src/failover/report/finished.ts";
import { imaginedSoak } from "../support/imagined-soak.ts";
import { recordedRun } from "../support/recorded-history.ts";

/** The page of a run in a real browser, without a screen and without network. */

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "flotilla-page-"));
});
afterAll(async () => await rm(folder, { recursive: true, force: true }));

const quiet = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--virtual-time-budget=2000",
  "--window-size=1280,1400",
];

async function browse(html: string, ...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const page = join(folder, "page.html");
  await writeFile(page, html);
  const profile = await mkdtemp(join(folder, "profile-"));
  const argv = [...quiet, "--enable-logging=stderr", `--user-data-dir=${profile}`, ...args, `file://${page}`];
  const { stdout, stderr } = await execa("chromium", argv, { timeout: 50_000, maxBuffer: 50_000_000 });
  return { stdout, stderr };
}

const html = htmlReport([recordedRun("node-kill"), recordedRun("power-outage")]);

/** What the page's own script reports of itself, appended so that it runs last. */
const probe = `<script>
  const boxes = [...document.querySelectorAll("svg.drawing")].map((svg) => {
    const all = svg.getBoundingClientRect();
    const bars = [...svg.querySelectorAll(".unit, .fault, .away")].map((bar) => bar.getBoundingClientRect());
    return bars.every((bar) => bar.width > 0 && bar.left >= all.left - 1 && bar.right <= all.right + 1);
  });
  const drawing = document.querySelector("svg.drawing");
  const bar = drawing.querySelector(".fault").getBoundingClientRect();
  drawing.querySelector(".fault").dispatchEvent(new PointerEvent("pointermove", { bubbles: true, clientX: bar.left + 20, clientY: bar.top + 5 }));
  const tip = document.getElementById("tip").textContent;
  document.querySelector('[data-zoom="2"]').click();
  const zoomed = drawing.getBoundingClientRect().width / drawing.parentNode.getBoundingClientRect().width;
  document.body.dataset.probe = JSON.stringify({ boxes, tip, zoomed, overflow: document.documentElement.scrollWidth > innerWidth });
</script></body>`;

describe("the page of a run, in a browser", () => {
  it("draws its bars inside, says times on hover, zooms, and never scrolls sideways", async () => {
    const { stdout, stderr } = await browse(
      html.replace("</body>", () => probe),
      "--dump-dom",
    );
    expect(stderr).not.toMatch(/CONSOLE.*(error|refused)/i);
    expect(stdout).toContain('data-ready="yes"');
    const [, seen = "{}"] = /data-probe="([^"]*)"/.exec(stdout) ?? [];
    const found = JSON.parse(seen.replaceAll("&quot;", '"')) as Record<string, unknown>;
    expect(found).toMatchObject({ boxes: [true, true], overflow: false });
    expect(found["tip"]).toMatch(/^\d+\.\d s\npower-cut on core-02\n[^]*\(\d+\.\d s\)$/);
    expect(found["zoomed"]).toBeCloseTo(2, 1);
  });

  it("is readable in light, in dark and on paper", async () => {
    const picture = async (name: string, ...args: string[]): Promise<number> => {
      const path = join(folder, name);
      await browse(html, ...args, `--screenshot=${path}`);
      return (await readFile(path)).length;
    };
    expect(await picture("light.png", "--blink-settings=preferredColorScheme=1")).toBeGreaterThan(50_000);
    expect(await picture("dark.png", "--blink-settings=preferredColorScheme=0")).toBeGreaterThan(50_000);
    const paper = join(folder, "paper.pdf");
    await browse(html, `--print-to-pdf=${paper}`);
    expect((await readFile(paper)).subarray(0, 5).toString()).toBe("%PDF-");
  });

  it("opens a soak of one hour without delay", { timeout: 90_000 }, async () => {
    const soak = htmlReport([finishedRun(imaginedSoak(["a.service", "b.service", "c.service"]))]);
    const timed = soak.replace(
      "</body>",
      () => "<script>document.body.dataset.took = Math.round(performance.now())</script></body>",
    );
    const { stdout } = await browse(timed, "--dump-dom");
    expect(Number(/data-took="(\d+)"/.exec(stdout)?.[1])).toBeLessThan(3_000);
  });
});
