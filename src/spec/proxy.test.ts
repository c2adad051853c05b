import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadSpec, type LoadedSpec } from "./load.ts";
import { cleanNoProxy } from "./no-proxy.ts";
import { withPassword } from "./proxy.ts";

const fromEnv = (environment: Record<string, string>): LoadedSpec =>
  loadSpec("version: 1\nname: demo\nproxy: from-env\n", "cluster.yaml", environment);

const proxyOf = (environment: Record<string, string>): unknown => {
  const loaded = fromEnv(environment);
  return loaded.ok ? loaded.spec.proxy : loaded.problems.map(({ message }) => message);
};

describe("proxy: from-env", () => {
  it("takes what the environment says, in either case", () => {
    const environment = { HTTP_PROXY: "http://p:1", https_proxy: "http://q:2", no_proxy: "localhost, .corp" };
    expect(proxyOf(environment)).toEqual({
      http: "http://p:1",
      https: "http://q:2",
      no: ["localhost", ".corp"],
      passwordFile: undefined,
    });
  });

  it("lets Vagrant's names win, and take away when they are empty", () => {
    const environment = { HTTP_PROXY: "http://p:1", HTTPS_PROXY: "http://p:1" };
    expect(
      proxyOf({ ...environment, VAGRANT_HTTP_PROXY: "http://v:2", VAGRANT_HTTPS_PROXY: "" }),
    ).toMatchObject({
      http: "http://v:2",
      https: undefined,
    });
  });

  it("is no proxy where the environment names none, and says so", () => {
    const loaded = fromEnv({ SUDO_UID: "1000" });
    expect(loaded).toMatchObject({ ok: true, spec: { proxy: undefined } });
    expect(loaded.warnings[0]).toMatchObject({ path: "proxy", line: 3 });
    expect(loaded.warnings[0]?.hint).toContain("--preserve-env");
  });

  it("warns of variables that contradict each other", () => {
    const loaded = fromEnv({ HTTP_PROXY: "http://p:1", http_proxy: "http://q:1" });
    expect(loaded.warnings.map(({ message }) => message)).toEqual([
      "HTTP_PROXY and http_proxy in the environment differ; HTTP_PROXY is taken",
    ]);
  });

  it("names the variable that is wrong, never its value", () => {
    const loaded = fromEnv({ https_proxy: "me:s3cret@proxy:3128", NO_PROXY: "*" });
    expect(loaded.ok).toBe(false);
    expect(loaded.ok ? [] : loaded.problems.map(({ message }) => message)).toEqual([
      "https_proxy in the environment: a proxy needs its scheme: write it like http://proxy.example:3128",
      "NO_PROXY in the environment: '*' would send everything past the proxy",
    ]);
    expect(JSON.stringify(loaded)).not.toContain("s3cret");
  });

  it("does not warn of passwords, which stand in no file", () => {
    expect(fromEnv({ HTTP_PROXY: "http://me:s3cret@p:1" }).warnings).toEqual([]);
  });
});

describe("a list of what needs no proxy", () => {
  it("is brought into the form that all programs read", () => {
    expect(cleanNoProxy(["a.example , *.b.example", "10.1.2.3,a.example"])).toMatchObject({
      entries: ["a.example", ".b.example", "10.1.2.3"],
      problems: [],
    });
  });

  it("never comes out with a space, a comma, a quote or a wildcard", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (written) => {
        for (const entry of cleanNoProxy(written).entries) expect(entry).toMatch(/^[^\s,'"*\\%$`]+$/);
      }),
    );
  });
});

describe("a password from elsewhere", () => {
  const proxy = {
    http: "http://me@p:80",
    https: "http://you:known@[::1]:1",
    no: [],
    passwordFile: undefined,
  };

  it("is given to the URLs that have a user and none", () => {
    expect(withPassword(proxy, "a b%@:/'")).toEqual({
      ...proxy,
      http: "http://me:a%20b%25%40%3A%2F%27@p:80",
    });
  });

  it("is read back as it was typed", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1 }), (password) => {
        const { http } = withPassword(proxy, password);
        expect(decodeURIComponent(new URL(http ?? "").password)).toBe(password);
      }),
    );
  });
});
