/**
 * make picture: draws docs/images/timeline.png, the picture in the README, from a recorded run, with the page that
 * --report-html writes.   Usage: node scripts/picture.ts [HISTORY|JSON-REPORT]   Needs Debian's chromium.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { execa } from "execa";
import { htmlReport } from "../src/failover/report/html/page.ts";
import { readRuns } from "../src/failover/report/read.ts";

const root = resolve(import.meta.dirname, "..");
const [from = join(root, "test/fixtures/histories/power-outage.ndjson")] = process.argv.slice(2);
const to = join(root, "docs/images/timeline.png");

/** Of the page only the run's drawing, its machines and the way back: what a README has room for. */
const cropped = `<style>
  body { max-width:none; padding:14px 22px 8px } h1, nav, h3, .zoom, .invariants, details, footer { display:none !important }
  .legend { margin:0 } section.run { border:0; margin-top:8px; padding-top:8px }
</style></head>`;

const width = 1160;
const folder = await mkdtemp(join(tmpdir(), "flotilla-picture-"));
try {
  const runs = readRuns(await readFile(from, "utf8"), from).slice(0, 1);
  const page = join(folder, "page.html");
  const sized =
    "<script>document.body.dataset.height = document.documentElement.scrollHeight</script></body>";
  const html = htmlReport(runs).replace("</head>", () => cropped);
  await writeFile(
    page,
    html.replace("</body>", () => sized),
  );
  const browse = async (height: number, ...args: string[]): Promise<string> => {
    const view = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"];
    const size = [`--window-size=${width},${height}`, "--force-device-scale-factor=1.5"];
    const light = ["--blink-settings=preferredColorScheme=1", `--user-data-dir=${join(folder, "profile")}`];
    const { stdout } = await execa("chromium", [...view, ...size, ...light, ...args, `file://${page}`], {
      timeout: 60_000,
    });
    return stdout;
  };
  const height = Number(/data-height="(\d+)"/.exec(await browse(200, "--dump-dom"))?.[1]);
  await browse(height, `--screenshot=${to}`);
  console.log(`${to} shows ${runs[0]?.scenario ?? "nothing"} of ${from}`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
