import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { announceDownload } from "./box-download.ts";

describe("a box that Vagrant is about to download", () => {
  const { signal } = new AbortController();
  let home = "";
  let server: Server;
  let base = "";
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "flotilla-home-"));
    server = createServer((request, response) => {
      if (request.url === "/4593.2.5/box.json") {
        const provider = { name: "virtualbox", url: `${base}/the.box` };
        response.end(JSON.stringify({ versions: [{ version: "4593.2.5", providers: [provider] }] }));
      } else if (request.url === "/the.box") {
        response.setHeader("content-length", 489_000_000);
        response.end();
      } else {
        response.statusCode = 404;
        response.end();
      }
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    server.close();
    await rm(home, { recursive: true, force: true });
  });

  const said = async (url: string, version = "4593.2.5"): Promise<readonly string[]> => {
    const lines: string[] = [];
    const report = (line: string): void => void lines.push(line);
    await announceDownload({ name: "flatcar-stable", url, version }, home, { report, signal });
    return lines;
  };

  it("is told with its release, size and source", async () => {
    const line = `Vagrant downloads the box flatcar-stable 4593.2.5 (489 MB) from ${base}/the.box`;
    expect(await said(`${base}/%{version}/box.json`)).toEqual([line]);
    expect(await said(`${base}/the.box`)).toEqual([line]);
  });

  it("is told with its source alone where nobody answers", async () => {
    expect(await said("http://127.0.0.1:9/box.json", "current")).toEqual([
      "Vagrant downloads the box flatcar-stable (of unknown size) from http://127.0.0.1:9/box.json",
    ]);
  });

  it("is refused at once where the server knows of none", async () => {
    await expect(said(`${base}/%{version}/box.json`, "1.2.3")).rejects.toMatchObject({
      code: "E_COMMAND_FAILED",
      message: "there is no box at its address (HTTP 404)",
      details: [`${base}/1.2.3/box.json`],
      hint: expect.stringContaining("os.version") as string,
    });
  });

  it("is not spoken of when Vagrant has it", async () => {
    await mkdir(join(home, "boxes", "flatcar-stable", "4593.2.5", "virtualbox"), { recursive: true });
    expect(await said(`${base}/nothing.json`)).toEqual([]);
    expect(await said(`${base}/nothing.json`, "current")).toEqual([]);
  });
});
