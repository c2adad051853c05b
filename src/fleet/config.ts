import { parseDuration } from "../foundation/duration.ts";
import { AppError } from "../foundation/errors.ts";

/** What fleetd can be told, all of it resolved. */
export interface FleetConfig {
  /** Every etcd member, e.g. `http://10.0.0.1:2379`. */
  readonly etcdServers: readonly string[];
  /** PEM files for https servers; an own CA, and what shows etcd who we are. */
  readonly etcdTls: {
    readonly caFile: string | undefined;
    readonly certFile: string | undefined;
    readonly keyFile: string | undefined;
  };
  /** For an etcd that asks for a password. */
  readonly etcdLogin: { readonly name: string; readonly password: string } | undefined;
  /** Where our keys begin in etcd; ends in a slash. */
  readonly etcdKeyPrefix: string;
  /** Undefined: the address of the interface with the default route. */
  readonly publicIP: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  /** How long this machine is believed to be there after its last sign of life, ms; whole seconds. */
  readonly agentTtl: number;
  readonly unitsDirectory: string;
  /** Where fleetd keeps what it must know after a restart, and only until a reboot. */
  readonly stateDirectory: string;
  /** The API's socket when systemd hands none over. */
  readonly socket: string;
  /** TCP addresses of the API besides the socket: none unless told. Whoever reaches them commands the cluster. */
  readonly listen: readonly { readonly host: string; readonly port: number }[];
  readonly machineIdFile: string;
  readonly verbose: boolean;
  /** Items on one page of the API. */
  readonly tokenLimit: number;
  /** This machine never decides where units go. */
  readonly disableEngine: boolean;
  /** Units are those of the systemd of the user that fleetd runs as, on the session's bus. */
  readonly systemdUser: boolean;
}

export interface ReadConfig {
  readonly config: FleetConfig;
  /** What was ignored, and why: one sentence each. */
  readonly remarks: readonly string[];
}

/** Every key with its default. */
const defaults = {
  etcd_servers: "http://127.0.0.1:2379,http://127.0.0.1:4001",
  etcd_cafile: "",
  etcd_certfile: "",
  etcd_keyfile: "",
  etcd_username: "",
  etcd_password: "",
  etcd_key_prefix: "/flotilla/fleet/v1/",
  public_ip: "",
  metadata: "",
  agent_ttl: "4s",
  units_directory: "/run/fleet/units/",
  state_directory: "/run/fleet",
  socket: "/run/fleet.sock",
  listen: "",
  machine_id_file: "/etc/machine-id",
  verbosity: "0",
  token_limit: "100",
  disable_engine: "false",
  systemd_user: "false",
};

type Key = keyof typeof defaults;

/** Keys of fleet that have no effect here, and why. */
const ignored: Readonly<Record<string, string>> = {
  engine_reconcile_interval: "the engine acts on changes and needs no interval",
  etcd_request_timeout: "requests to etcd go to another member by themselves",
  enable_grpc: "machines talk through etcd only",
  disable_watches: "fleetd always follows changes",
  verify_units: "signed units are no longer supported",
  authorized_keys_file: "signed units are no longer supported",
};

/** The names of all settings that are known, also of those without effect. */
export const settingNames: readonly string[] = [...Object.keys(defaults), ...Object.keys(ignored)];

/**
 * fleetd's settings: the environment (`FLEET_` and the key in upper case) before the file before the defaults, as
 * fleet did. Throws E_CONFIG_INVALID with all problems.
 */
export function readFleetConfig(
  file: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): ReadConfig {
  const problems: string[] = [];
  const told = new Map<string, string>(parseIni(file ?? "", problems));
  for (const [name, value] of Object.entries(env)) {
    if (name.startsWith("FLEET_") && value !== undefined) told.set(name.slice(6).toLowerCase(), value);
  }
  const get = (key: Key): string => told.get(key) ?? defaults[key];
  const config: FleetConfig = {
    etcdServers: readServers(get("etcd_servers"), problems),
    etcdTls: readTls(get, problems),
    etcdLogin: readLogin(get, problems),
    etcdKeyPrefix: `/${get("etcd_key_prefix").replaceAll(/^\/+|\/+$/g, "")}/`,
    publicIP: get("public_ip") || undefined,
    metadata: readMetadata(get("metadata")),
    agentTtl: readTtl(get("agent_ttl"), problems),
    unitsDirectory: get("units_directory"),
    stateDirectory: get("state_directory"),
    socket: get("socket"),
    listen: readAddresses(get("listen"), problems),
    machineIdFile: get("machine_id_file"),
    verbose: readNumber("verbosity", get("verbosity"), 0, problems) > 0,
    tokenLimit: readNumber("token_limit", get("token_limit"), 1, problems),
    disableEngine: readBoolean("disable_engine", get("disable_engine"), problems),
    systemdUser: readBoolean("systemd_user", get("systemd_user"), problems),
  };
  if (problems.length > 0) {
    throw new AppError("E_CONFIG_INVALID", "fleetd cannot start with these settings", {
      details: problems,
      hint: "change them in /etc/fleet/fleet.conf or in the FLEET_ variables of fleet.service",
    });
  }
  return { config, remarks: [...told].flatMap(([key]) => remark(key)) };
}

/** Lines `key=value`; quotes around a value are dropped. */
function* parseIni(text: string, problems: string[]): Iterable<[string, string]> {
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#") || line.startsWith(";")) continue;
    const at = line.indexOf("=");
    if (at <= 0) problems.push(`line ${index + 1}: expected key=value, found "${line}"`);
    else
      yield [
        line.slice(0, at).trim().toLowerCase(),
        line
          .slice(at + 1)
          .trim()
          .replace(/^"(.*)"$/, "$1"),
      ];
  }
}

function remark(key: string): string[] {
  const why = ignored[key];
  if (why !== undefined) return [`the setting ${key} has no effect: ${why}`];
  if (key in defaults) return [];
  return [`the setting ${key} is not known and was ignored`];
}

/** A comma list; brackets and quotes around it and its items are dropped. */
function readServers(text: string, problems: string[]): string[] {
  const servers = text
    .split(",")
    .map((item) => item.replaceAll(/[\s["\]]/g, ""))
    .filter((item) => item !== "");
  for (const server of servers) {
    const url = URL.canParse(server) ? new URL(server) : undefined;
    if (url?.protocol !== "http:" && url?.protocol !== "https:")
      problems.push(`etcd_servers: "${server}" is not of the form http://HOST:PORT or https://HOST:PORT`);
  }
  if (servers.length === 0) problems.push("etcd_servers: names no server");
  return servers;
}

function readTls(get: (key: Key) => string, problems: string[]): FleetConfig["etcdTls"] {
  const [caFile, certFile, keyFile] = [get("etcd_cafile"), get("etcd_certfile"), get("etcd_keyfile")];
  if ((certFile === "") !== (keyFile === "")) {
    problems.push("etcd_certfile and etcd_keyfile belong together: one of them is missing");
  }
  return { caFile: caFile || undefined, certFile: certFile || undefined, keyFile: keyFile || undefined };
}

function readLogin(get: (key: Key) => string, problems: string[]): FleetConfig["etcdLogin"] {
  const [name, password] = [get("etcd_username"), get("etcd_password")];
  if (name === "" && password !== "") problems.push("etcd_password: there is no etcd_username with it");
  return name === "" ? undefined : { name, password };
}

/** A comma list of HOST:PORT, `[v6]:PORT`, or `:PORT` for all addresses. */
function readAddresses(text: string, problems: string[]): { host: string; port: number }[] {
  const items = text.split(",").map((item) => item.trim());
  return items.flatMap((item) => {
    if (item === "") return [];
    const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s[\]]*)):(\d{1,5})$/.exec(item);
    const port = Number(match?.[3] ?? "0");
    if (match !== null && port >= 1 && port <= 65_535)
      return [{ host: match[1] ?? (match[2] || "::"), port }];
    problems.push(`listen: "${item}" is not of the form HOST:PORT`);
    return [];
  });
}

/** `k=v,k=v`: the last of equal keys wins, a value may contain "=", what has no "=" is left out. */
function readMetadata(text: string): Record<string, string> {
  const pairs = text.split(",").flatMap((item): [string, string][] => {
    const at = item.indexOf("=");
    return at < 0 ? [] : [[item.slice(0, at).trim(), item.slice(at + 1).trim()]];
  });
  return Object.fromEntries(pairs);
}

function readTtl(text: string, problems: string[]): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= 1_000 && ms % 1_000 === 0) return ms;
  problems.push(`agent_ttl: "${text}" is not a duration of whole seconds such as 4s`);
  return 0;
}

function readNumber(key: Key, text: string, least: number, problems: string[]): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= least && number <= 65_535) return number;
  problems.push(`${key}: "${text}" is not a number from ${least} to 65535`);
  return least;
}

function readBoolean(key: Key, text: string, problems: string[]): boolean {
  const word = text.toLowerCase();
  if (["true", "t", "1", "yes", "on"].includes(word)) return true;
  if (!["false", "f", "0", "no", "off", ""].includes(word))
    problems.push(`${key}: "${text}" is neither true nor false`);
  return false;
}
