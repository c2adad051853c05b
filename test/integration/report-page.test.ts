import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
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

  it(
    "opens a soak of one hour without delay, and scrolls and hovers smoothly",
    { timeout: 90_000 },
    async () => {
      const soak = htmlReport([finishedRun(imaginedSoak(["a.service", "b.service", "c.service"]))]);
      const { opened, frames, hovers } = await timesOf(soak);
      expect(opened).toBeLessThan(3_000);
      expect(middleOf(frames)).toBeLessThan(50);
      expect(middleOf(hovers)).toBeLessThan(30);
    },
  );
});

/** Each in ms. */
interface Times {
  /** From the start until the first picture. */
  readonly opened: number;
  /** Between pictures, while the drawing is zoomed in and scrolled from end to end. */
  readonly frames: readonly number[];
  /** What each move of the pointer takes. */
  readonly hovers: readonly number[];
}

const middleOf = (times: readonly number[]): number =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Infinity;

/** Measures the page from inside, in real time; it tells a server of ours, for which its ban on connections is lifted. */
async function timesOf(page: string): Promise<Times> {
  const told = Promise.withResolvers<Times>();
  const server = createServer((request, response) => {
    if (request.method === "POST") void text(request).then((body) => told.resolve(JSON.parse(body) as Times));
    response.setHeader("Content-Type", "text/html");
    response.end(
      request.url === "/"
        ? page.replace(/<meta http-equiv[^>]*>/, "").replace("</body>", () => measuring)
        : "",
    );
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  const profile = await mkdtemp(join(folder, "profile-"));
  const real = quiet.filter((flag) => !flag.startsWith("--virtual-time"));
  const argv = [
    ...real,
    "--remote-debugging-port=0",
    `--user-data-dir=${profile}`,
    `http://127.0.0.1:${port}/`,
  ];
  const browser = execa("chromium", argv, { reject: false, timeout: 60_000 });
  try {
    const gone = browser.then(({ stderr }) => Promise.reject(new Error(`the browser ended: ${stderr}`)));
    return await Promise.race([told.promise, gone]);
  } finally {
    browser.kill("SIGKILL");
    await browser;
    server.close();
  }
}

const measuring = `<script>(async () => {
  const frame = () => new Promise(requestAnimationFrame);
  await frame(); await frame();
  const opened = performance.now();
  const svg = document.querySelector("svg.drawing"), scroll = svg.parentNode;
  for (let times = 0; times < 4; times++) document.querySelector('[data-zoom="2"]').click();
  const frames = [];
  for (let step = 0, last = await frame(); step < 60; step++) {
    scroll.scrollLeft = scroll.scrollWidth * step / 60;
    const now = await frame();
    frames.push(now - last);
    last = now;
  }
  const hovers = [...svg.querySelectorAll(".unit")].slice(0, 200).map((bar) => {
    const begun = performance.now();
    bar.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, clientX: 400, clientY: 300 }));
    return performance.now() - begun;
  });
  await fetch("/times", { method: "POST", body: JSON.stringify({ opened, frames, hovers }) });
})()</script></body>`;
