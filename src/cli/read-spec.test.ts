import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ProxySpec } from "../spec/model.ts";
import { readSpec } from "./read-spec.ts";

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "flotilla-spec-"));
});
afterEach(async () => rm(dir, { recursive: true, force: true }));

async function proxyOf(
  lines: string,
  environment: Record<string, string> = {},
): Promise<ProxySpec | undefined> {
  await writeFile(join(dir, "cluster.yaml"), `version: 1\nname: demo\n${lines}\n`);
  return (await readSpec(dir, () => undefined, environment)).proxy;
}

const withFile = "proxy: {http: 'http://me@p:1', passwordFile: secret}";

describe("a proxy's password", () => {
  it("comes from its file, as it was typed", async () => {
    await writeFile(join(dir, "secret"), "50% off!\n");
    expect(await proxyOf(withFile)).toMatchObject({ http: "http://me:50%25%20off%21@p:1" });
  });

  it("comes from the environment when there is no file", async () => {
    const lines = "proxy: {http: 'http://me@p:1', https: 'http://p:1'}";
    expect(await proxyOf(lines, { FLOTILLA_PROXY_PASSWORD: "x" })).toMatchObject({
      http: "http://me:x@p:1",
      https: "http://p:1",
    });
    expect(await proxyOf(lines)).toMatchObject({ http: "http://me@p:1" });
  });

  it.each([
    ["missing", undefined],
    ["empty", "\n"],
    ["of two lines", "a\nb\n"],
  ])("is asked for when its file is %s, and never repeated", async (_, content) => {
    if (content !== undefined) await writeFile(join(dir, "secret"), content);
    await expect(proxyOf(withFile)).rejects.toMatchObject({
      code: "E_CONFIG_INVALID",
      message: expect.stringContaining("proxy.passwordFile") as string,
    });
  });
});
