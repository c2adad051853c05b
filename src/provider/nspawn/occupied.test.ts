import { describe, expect, it } from "vitest";
import { listensEverywhere, subnetUsers } from "./occupied.ts";
import { parseSubnet } from "./subnet.ts";

const subnet = parseSubnet("192.168.56.0/24");
const link = (ifname: string, local: string, prefixlen = 24) => ({
  ifname,
  addr_info: [{ family: "inet", local, prefixlen }],
});

describe("a subnet on the host", () => {
  it("is free when nobody has an address or a route in it", () => {
    const routes = [
      { dst: "default", dev: "eth0" },
      { dst: "10.0.0.0/24", dev: "eth0" },
    ];
    expect(subnetUsers(subnet, "fl-1", [link("eth0", "10.0.0.2")], routes)).toEqual([]);
  });

  it("is in use when an interface has an address in it, said once though its route says so too", () => {
    const routes = [{ dst: "192.168.56.0/24", dev: "vboxnet0" }];
    expect(subnetUsers(subnet, "fl-1", [link("vboxnet0", "192.168.56.1")], routes)).toEqual([
      "vboxnet0 has 192.168.56.1/24",
    ]);
  });

  it("is in use when a route leads into it", () => {
    expect(subnetUsers(subnet, "fl-1", [], [{ dst: "192.168.56.77", dev: "tun0" }])).toEqual([
      "a route to 192.168.56.77 over tun0",
    ]);
  });

  it("is not in use because a VPN takes all traffic", () => {
    const halves = [
      { dst: "0.0.0.0/1", dev: "tun0" },
      { dst: "128.0.0.0/1", dev: "tun0" },
    ];
    expect(subnetUsers(subnet, "fl-1", [], halves)).toEqual([]);
  });

  it("is not taken by our own bridge", () => {
    const routes = [{ dst: "192.168.56.0/24", dev: "fl-1" }];
    expect(subnetUsers(subnet, "fl-1", [link("fl-1", "192.168.56.1")], routes)).toEqual([]);
  });
});

describe("a port of the host", () => {
  const line = (local: string, state = "0A"): string =>
    `   0: ${local} 00000000:0000 ${state} 00000000:00000000`;

  it("is taken when something listens on all addresses", () => {
    expect(listensEverywhere(line("00000000:1388"), 5000)).toBe(true);
    expect(listensEverywhere(line("00000000000000000000000000000000:1388"), 5000)).toBe(true);
  });

  it("is free for us when something listens on one other address, or only talks", () => {
    expect(listensEverywhere(line("0100007F:1388"), 5000)).toBe(false);
    expect(listensEverywhere(line("00000000:1388", "01"), 5000)).toBe(false);
  });
});
