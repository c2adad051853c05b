import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AppError } from "../../src/foundation/errors.ts";
import { explainFailure } from "../../src/provider/vagrant/trouble.ts";

/** What the real Vagrant says of boxes that cannot be had, and what we make of it. */
describe("a box that cannot be had", () => {
  let home = "";
  let server: Server;
  let base = "";
  const box = Buffer.from("this is no box");
  const metadata = (checksum: string): object => ({
    name: "flatcar-stable",
    versions: [
      {
        version: "4593.2.5",
        providers: [{ name: "virtualbox", url: `${base}/flatcar.box`, checksum_type: "sha256", checksum }],
      },
    ],
  });

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "flotilla-boxes-"));
    server = createServer((request, response) => {
      const answers: Readonly<Record<string, string | Buffer>> = {
        "/wrong.json": JSON.stringify(metadata("0".repeat(64))),
        "/right.json": JSON.stringify(metadata(createHash("sha256").update(box).digest("hex"))),
        "/flatcar.box": box,
      };
      const answer = answers[request.url ?? ""];
      response.statusCode = answer === undefined ? 404 : 200;
      response.setHeader("content-type", request.url?.endsWith(".json") === true ? "application/json" : "");
      response.end(request.method === "HEAD" ? undefined : answer);
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    server.close();
    await rm(home, { recursive: true, force: true });
  });

  async function add(...args: readonly string[]): Promise<AppError> {
    const argv = ["vagrant", "--no-tty", "box", "add", "--provider", "virtualbox", ...args];
    const env = {
      VAGRANT_HOME: home,
      VAGRANT_CHECKPOINT_DISABLE: "1",
      VAGRANT_NO_COLOR: "1",
      NO_PROXY: "127.0.0.1",
      no_proxy: "127.0.0.1",
    };
    const { exitCode, stdout, stderr } = await execa("vagrant", argv.slice(1), {
      env,
      cwd: home,
      reject: false,
      stdin: "ignore",
    });
    expect(exitCode).not.toBe(0);
    return explainFailure(argv, { code: exitCode, stdout, stderr, timedOut: false, missing: false });
  }

  it.each([
    ["is nowhere at its address", "/absent.json", "the box cannot be had", "os.channel and os.version"],
    [
      "is another than its list of versions says",
      "/wrong.json",
      "is not the one",
      "run the same command again",
    ],
  ])("%s", async (_, path, message, hint) => {
    const error = await add(`${base}${path}`);
    expect(error).toMatchObject({
      code: "E_COMMAND_FAILED",
      exitCode: 1,
      message: expect.stringContaining(message) as string,
      hint: expect.stringContaining(hint) as string,
    });
  });

  it("has no such release", async () => {
    const error = await add("--box-version", "1.2.3", `${base}/right.json`);
    expect(error).toMatchObject({
      code: "E_COMMAND_FAILED",
      message: expect.stringContaining("cannot be had") as string,
    });
  });

  it("has a server that nobody answers for", async () => {
    const error = await add("http://127.0.0.1:9/nobody.json");
    expect(error).toMatchObject({
      code: "E_NODE_UNREACHABLE",
      hint: expect.stringContaining("proxy") as string,
    });
  });
});
