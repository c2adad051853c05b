import type { SectionName } from "./model.ts";

/** What a value must be. `content` is text or `!!binary`. */
export type Kind = "string" | "int" | "float" | "bool" | "content" | "strings" | "list" | "map";

/** Keys of one mapping, in the order in which their settings are written out. */
export type Fields = ReadonlyMap<string, Kind>;

const shortKinds: Readonly<Record<string, Kind>> = {
  i: "int",
  f: "float",
  b: "bool",
  l: "list",
  s: "strings",
  m: "map",
};

/** `name key:i key:b …`, a key without a kind is a string. */
function fields(...lines: readonly string[]): Fields {
  const words = lines.join(" ").split(" ");
  return new Map(
    words.map((word) => {
      const [key = "", kind = ""] = word.split(":");
      return [key, shortKinds[kind] ?? "string"];
    }),
  );
}

export const topFields = fields(
  "ssh_authorized_keys:s hostname users:l write_files:l manage_etc_hosts coreos:m",
);

export const userFields = fields(
  "name passwd ssh_authorized_keys:s coreos_ssh_import_github coreos_ssh_import_github_users:s coreos_ssh_import_url",
  "gecos homedir no_create_home:b primary_group groups:s no_user_group:b system:b no_log_init:b shell",
);

export const fileFields: Fields = new Map([
  ...fields("path owner permissions encoding"),
  ["content", "content"] as const,
]);

export const unitFields = fields("name mask:b enable:b runtime:b content command drop_ins:l");

export const dropInFields = fields("name content");

export const coreosFields = fields("etcd:m etcd2:m fleet:m flannel:m locksmith:m update:m oem:m units:l");

/** Keys that older and newer CoreOS knew in these sections. Order as coreos-cloudinit writes them. */
export const sectionFields: Readonly<Record<SectionName, Fields>> = {
  etcd: fields(
    "addr advertise_client_urls bind_addr ca_file cert_file cluster_active_size:i cluster_remove_delay:f",
    "cluster_sync_interval:f cors data_dir discovery discovery_fallback discovery_srv discovery_proxy",
    "election_timeout:i force_new_cluster:b graphite_host heartbeat_interval:i http_read_timeout:f",
    "http_write_timeout:f initial_advertise_peer_urls initial_cluster initial_cluster_state initial_cluster_token",
    "key_file listen_client_urls listen_peer_urls max_result_buffer:i max_retry_attempts:i max_snapshots:i",
    "max_wals:i name peer_addr peer_bind_addr peer_ca_file peer_cert_file peer_election_timeout:i",
    "peer_heartbeat_interval:i peer_key_file peers peers_file proxy retry_interval:f snapshot:b snapshot_count:i",
    "trace verbose:b very_verbose:b very_very_verbose:b",
  ),
  etcd2: fields(
    "advertise_client_urls ca_file cert_file client_cert_auth:b cors data_dir debug:b discovery discovery_fallback",
    "discovery_srv discovery_proxy election_timeout:i enable_pprof:b force_new_cluster:b heartbeat_interval:i",
    "initial_advertise_peer_urls initial_cluster initial_cluster_state initial_cluster_token key_file",
    "listen_client_urls listen_peer_urls log_package_levels max_snapshots:i max_wals:i name peer_ca_file",
    "peer_cert_file peer_key_file peer_client_cert_auth:b peer_trusted_ca_file proxy proxy_dial_timeout:i",
    "proxy_failure_wait:i proxy_read_timeout:i proxy_refresh_interval:i proxy_write_timeout:i snapshot_count:i",
    "strict_reconfig_check:b trusted_ca_file wal_dir",
  ),
  fleet: fields(
    "agent_ttl authorized_keys_file disable_engine:b engine_reconcile_interval:f etcd_cafile etcd_certfile",
    "etcd_keyfile etcd_key_prefix etcd_request_timeout:f etcd_servers etcd_username etcd_password metadata public_ip",
    "token_limit:i verbosity:i verify_units:b",
  ),
  flannel: fields(
    "etcd_endpoints etcd_cafile etcd_certfile etcd_keyfile etcd_prefix etcd_username etcd_password ip_masq",
    "subnet_file interface public_ip",
  ),
  locksmith: fields(
    "endpoint etcd_cafile etcd_certfile etcd_keyfile etcd_username etcd_password group window_start window_length",
  ),
  update: fields("reboot_strategy group server"),
  oem: fields("id name version_id home_url bug_report_url"),
};

/** Values that a section's key is limited to. */
export const allowedValues: Readonly<Record<string, readonly string[]>> = {
  "coreos.etcd2.proxy": ["on", "off", "readonly"],
  "coreos.update.reboot_strategy": ["best-effort", "etcd-lock", "reboot", "off"],
};

/** Patterns that a section's key must match, and how to say it. */
export const allowedPatterns: Readonly<Record<string, { readonly pattern: RegExp; readonly like: string }>> =
  {
    "coreos.locksmith.window_start": {
      pattern:
        /^((mon|tue|wed|thu|fri|sat|sun|monday|tuesday|wednesday|thursday|friday|saturday|sunday) )?\d{1,2}:\d{1,2}$/i,
      like: '"Sun 04:00" or "04:00"',
    },
    "coreos.locksmith.window_length": { pattern: /^([\d.]+(ns|us|µs|ms|s|m|h))+$/, like: '"1h30m"' },
  };
