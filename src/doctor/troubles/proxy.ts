import { scrub } from "../../foundation/errors.ts";
import type { HostFacts } from "../facts.ts";
import type { Trouble } from "../finding.ts";

const names = ["http_proxy", "https_proxy", "no_proxy"] as const;

/** Variables about proxies that contradict each other or do not mean what they seem to. */
export const proxyTroubles: readonly Trouble[] = [
  {
    id: "proxy-contradiction",
    severity: "warning",
    title: "a proxy variable has two values, and every program picks another one",
    fix: "give both spellings the same value, or unset one",
    see: ({ proxy, platform }) => {
      if (platform === "win32") return undefined;
      const two = names.filter((name) => {
        const [lower, upper] = [proxy[name], proxy[name.toUpperCase()]];
        return lower !== undefined && upper !== undefined && lower !== upper;
      });
      const evidence = two
        .map((name) => `${show(proxy, name)}, ${show(proxy, name.toUpperCase())}`)
        .join("; ");
      return two.length > 0 ? { evidence } : undefined;
    },
  },
  {
    id: "proxy-upper-case-only",
    severity: "warning",
    title: "curl, with which Vagrant downloads, ignores HTTP_PROXY in capital letters",
    providers: ["virtualbox", "libvirt"],
    fix: 'export http_proxy="$HTTP_PROXY"',
    see: ({ proxy, platform }) =>
      platform !== "win32" && proxy["HTTP_PROXY"] !== undefined && proxy["http_proxy"] === undefined
        ? { evidence: `${show(proxy, "HTTP_PROXY")}, and http_proxy is not set` }
        : undefined,
  },
  {
    id: "proxy-url",
    severity: "warning",
    title: "a proxy's address is no URL",
    fix: "write it as http://HOST:PORT",
    see: ({ proxy }) => {
      const bad = Object.keys(proxy).filter((name) => !/no_proxy$/i.test(name) && !isUrl(proxy[name] ?? ""));
      return bad.length > 0 ? { evidence: bad.map((name) => show(proxy, name)).join(", ") } : undefined;
    },
  },
  {
    id: "no-proxy-form",
    severity: "warning",
    title: "NO_PROXY has a form that many programs do not understand",
    fix: "separate the names with commas alone, and write .example.com instead of *.example.com",
    see: ({ proxy }) => {
      const bad = Object.keys(proxy).filter(
        (name) => /no_proxy$/i.test(name) && /\s|\*./.test((proxy[name] ?? "").trim()),
      );
      return bad.length > 0 ? { evidence: bad.map((name) => show(proxy, name)).join(", ") } : undefined;
    },
  },
];

function show(proxy: HostFacts["proxy"], name: string): string {
  return `${name}=${scrub(proxy[name] ?? "")}`;
}

function isUrl(text: string): boolean {
  return /^(https?|socks[45]h?a?):\/\/\S+$/.test(text) && URL.canParse(text);
}
