import { describe, expect, it } from "vitest";
import { overrides } from "./proxy-overrides.ts";

describe("a drop-in of somebody else's", () => {
  it("is reported where systemd reads it after ours, or instead of it", () => {
    expect(overrides(["docker.service.d/http-proxy.conf", "service.d/20-http-proxy.conf", ""])).toEqual([
      "/etc/systemd/system/docker.service.d/http-proxy.conf is not ours and overrides the proxy of cluster.yaml for docker.service",
      "/etc/systemd/system/service.d/20-http-proxy.conf is not ours and overrides the proxy of cluster.yaml for every service",
    ]);
  });

  it("is not reported where ours wins, nor what is no drop-in", () => {
    expect(overrides(["docker.service.d/10-proxy.conf", "grep: no such file"])).toEqual([]);
  });
});
