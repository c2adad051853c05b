import { describe, expect, it } from "vitest";
import { clusterRedactor, withoutFileContents } from "./secrets.ts";

const hide = async (yaml: string, text: string, environment = {}): Promise<string> =>
  (await clusterRedactor({ dir: "/nowhere", yaml, environment }))(text);

describe("the secrets of a cluster", () => {
  it("are those of cluster.yaml, also behind an anchor and in a file that is not valid", async () => {
    const yaml =
      "a: &it swordfish\nuserData: {token: *it, x: {secrets: [tuna-fish]}\nb: http://me:c%40d-e@proxy\n";
    expect(await hide(yaml, "swordfish, tuna-fish, c%40d-e, c@d-e")).toBe("***, ***, ***, ***");
  });

  it("are those of the environment", async () => {
    const environment = {
      FLOTILLA_PROXY_PASSWORD: "tuna",
      HTTPS_PROXY: "http://me:sword-fish@proxy",
      HOME: "/home/me",
    };
    expect(await hide("", "tuna, sword-fish, /home/me", environment)).toBe("***, ***, /home/me");
  });

  it("are discovery tokens, of whichever service", async () => {
    const yaml = "etcd: {discovery: 'https://etcd.example/clusters/my-own-token'}\n";
    expect(await hide(yaml, "my-own-token http://192.168.56.1:8087/0123456789abcdef")).toBe(
      "*** http://192.168.56.1:8087/***",
    );
  });
});

describe("cluster.yaml without the contents of files", () => {
  it("keeps everything else as it is written", () => {
    const yaml = [
      "# mine",
      "userData:",
      "  write_files:",
      "    - path: /etc/a",
      "      content: |",
      "        one",
      "",
      "        two",
      "    - {path: /etc/b, content: three, permissions: '0600'}",
      "  coreos: {units: [{name: x.service, content: kept}]}",
      "",
    ].join("\n");
    expect(withoutFileContents(yaml)).toBe(
      yaml.replace("|\n        one\n\n        two", '"***"').replace("three", '"***"'),
    );
  });
});
