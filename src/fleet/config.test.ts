import { describe, expect, it } from "vitest";
import { AppError } from "../foundation/errors.ts";
import { readFleetConfig } from "./config.ts";

const problemsOf = (file: string, env: Record<string, string> = {}): readonly string[] => {
  try {
    readFleetConfig(file, env);
    return [];
  } catch (error) {
    if (error instanceof AppError) return [error.code, ...error.details];
    throw error;
  }
};

describe("fleetd's settings", () => {
  it("have defaults for everything", () => {
    expect(readFleetConfig(undefined, {})).toEqual({
      config: {
        etcdTls: { caFile: undefined, certFile: undefined, keyFile: undefined },
        etcdLogin: undefined,
        listen: [],
        etcdServers: ["http://127.0.0.1:2379", "http://127.0.0.1:4001"],
        etcdKeyPrefix: "/flotilla/fleet/v1/",
        publicIP: undefined,
        metadata: {},
        agentTtl: 4_000,
        unitsDirectory: "/run/fleet/units/",
        stateDirectory: "/run/fleet",
        socket: "/run/fleet.sock",
        machineIdFile: "/etc/machine-id",
        verbose: false,
        tokenLimit: 100,
        disableEngine: false,
        systemdUser: false,
      },
      remarks: [],
    });
  });

  it("come from the file, quoted or not, and from the environment before it", () => {
    const file = [
      "# a comment",
      'etcd_servers=["http://10.0.0.1:2379", "http://10.0.0.2:2379"]',
      'public_ip="10.0.0.1"',
      "metadata = region=us-west, disk=ssd,nonsense,disk=hdd,eq=a=b",
      "agent_ttl=30s",
      "verbosity=1",
    ].join("\n");
    const { config } = readFleetConfig(file, { FLEET_AGENT_TTL: "1m", FLEET_PUBLIC_IP: "", PATH: "/bin" });
    expect(config).toMatchObject({
      etcdServers: ["http://10.0.0.1:2379", "http://10.0.0.2:2379"],
      publicIP: undefined,
      metadata: { region: "us-west", disk: "hdd", eq: "a=b" },
      agentTtl: 60_000,
      verbose: true,
    });
  });

  it("say what has no effect", () => {
    const { remarks } = readFleetConfig("engine_reconcile_interval=10\nfoo=bar\n", {
      FLEET_VERIFY_UNITS: "true",
    });
    expect(remarks).toEqual([
      "the setting engine_reconcile_interval has no effect: the engine acts on changes and needs no interval",
      "the setting foo is not known and was ignored",
      "the setting verify_units has no effect: signed units are no longer supported",
    ]);
  });

  it("name all problems at once", () => {
    expect(
      problemsOf("nonsense\nagent_ttl=4.5s\ntoken_limit=0\ndisable_engine=perhaps\netcd_servers=10.0.0.1"),
    ).toEqual([
      "E_CONFIG_INVALID",
      'line 1: expected key=value, found "nonsense"',
      'etcd_servers: "10.0.0.1" is not of the form http://HOST:PORT or https://HOST:PORT',
      'agent_ttl: "4.5s" is not a duration of whole seconds such as 4s',
      'token_limit: "0" is not a number from 1 to 65535',
      'disable_engine: "perhaps" is neither true nor false',
    ]);
  });

  it("say whose systemd runs the units", () => {
    expect(readFleetConfig("systemd_user=true", {}).config.systemdUser).toBe(true);
    expect(problemsOf("systemd_user=mine")).toContain('systemd_user: "mine" is neither true nor false');
  });

  it("say how etcd is convinced, and where else the API is", () => {
    const file = [
      "etcd_servers=https://10.0.0.1:2379",
      "etcd_cafile=/ca.pem",
      "etcd_certfile=/cert.pem",
      "etcd_keyfile=/key.pem",
      "etcd_username=fleet",
      "etcd_password=secret",
      "listen=127.0.0.1:49153, [::1]:49153, :80",
    ].join("\n");
    expect(readFleetConfig(file, {}).config).toMatchObject({
      etcdTls: { caFile: "/ca.pem", certFile: "/cert.pem", keyFile: "/key.pem" },
      etcdLogin: { name: "fleet", password: "secret" },
      listen: [
        { host: "127.0.0.1", port: 49_153 },
        { host: "::1", port: 49_153 },
        { host: "::", port: 80 },
      ],
    });
    expect(readFleetConfig("", {}).config).toMatchObject({ etcdLogin: undefined, listen: [] });
  });

  it("refuse halves", () => {
    expect(problemsOf("etcd_certfile=/cert.pem\netcd_password=x\nlisten=80")).toEqual([
      "E_CONFIG_INVALID",
      "etcd_certfile and etcd_keyfile belong together: one of them is missing",
      "etcd_password: there is no etcd_username with it",
      'listen: "80" is not of the form HOST:PORT',
    ]);
  });
});
