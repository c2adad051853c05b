/** What etcd says when discovery goes wrong, and what that means. */
export interface Explanation {
  readonly meaning: string;
  readonly hint: string;
}

const anew = "'cluster destroy' and 'cluster up': a new cluster gets a new token";

const known: readonly (Explanation & { readonly pattern: RegExp })[] = [
  {
    pattern: /has previously registered with discovery service token/,
    meaning:
      "this member registered under the token before, and its data is gone: a token takes a member once",
    hint: anew,
  },
  {
    pattern: /member with duplicated name has registered/,
    meaning: "another member of the same name registered under the token: it was used for another cluster",
    hint: anew,
  },
  {
    pattern: /discovery: cluster is full|discovery cluster full/,
    meaning: "as many members as the token is for have registered already: it was used for another cluster",
    hint: anew,
  },
  {
    pattern: /discovery: size key not found/,
    meaning:
      "the service does not know the token: it is mistyped, or older than the week for which tokens are kept",
    hint: `mend etcd.discovery, or ${anew}`,
  },
  {
    pattern: /100: Key not found \(\/_etcd\/registry\//,
    meaning:
      "the service does not know the token: it is mistyped, or older than the week for which tokens are kept",
    hint: `mend etcd.discovery, or ${anew}`,
  },
  {
    pattern: /discovery: size key is bad/,
    meaning: "the token's size is no number",
    hint: "make a token with 'cluster discovery new --size N'",
  },
  {
    pattern: /discovery: bad discovery endpoint|invalid character .* looking for beginning of value/,
    meaning:
      "what answers at that address is no discovery service; a proxy or a web page may stand in its place",
    hint: "mend etcd.discovery, or set it to local or static",
  },
  {
    pattern:
      /cluster status check: error connecting to|error connecting to \S+, retrying in|failed to connect to discovery/,
    meaning: "the machine does not reach the discovery service; etcd tries again for ever",
    hint: "behind a proxy, etcd asks through proxy.http only; or set etcd.discovery to local or static",
  },
];

/** The first known trouble in etcd's log; undefined when there is none. */
export function explainDiscovery(log: readonly string[]): Explanation | undefined {
  return known.find(({ pattern }) => log.some((line) => pattern.test(line)));
}
