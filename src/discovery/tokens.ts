import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { AppError, messageOf } from "../foundation/errors.ts";

/** Getting and planting tokens at a discovery service, from this host. */

/** etcd's own service. */
export const publicService = "https://discovery.etcd.io";

/** How this host reaches what lies beyond the proxy. */
export interface HostProxy {
  readonly http?: string | undefined;
  readonly https?: string | undefined;
  readonly no: readonly string[];
}

export interface TokenRequest {
  /** The service's address, e.g. `https://discovery.etcd.io`. */
  readonly service: string;
  /** How many members the cluster will have. */
  readonly size: number;
  readonly proxy?: HostProxy | undefined;
  readonly signal: AbortSignal;
}

/** Asks a service for a new token and gives its URL. @throws E_NODE_UNREACHABLE, E_COMMAND_FAILED */
export async function newToken({ service, size, proxy, signal }: TokenRequest): Promise<string> {
  const url = `${service.replace(/\/+$/, "")}/new?size=${size}`;
  const { status, body } = await ask(url, { method: "GET", proxy, signal });
  const token = body.trim();
  if (status === 200 && /^https?:\/\/[\x21-\x7e]+$/.test(token) && URL.canParse(token)) return token;
  throw new AppError("E_COMMAND_FAILED", `${service} gave no discovery token (HTTP ${status})`, {
    details: body.trim() === "" ? [] : [body.trim().split("\n")[0]?.slice(0, 200) ?? ""],
    hint: "set etcd.discovery to local or static: neither needs a service elsewhere",
  });
}

/** Makes the token that a URL names, for so many members; one that is there already is kept. */
export async function plantToken(url: string, size: number, signal: AbortSignal): Promise<void> {
  const body = new URLSearchParams({ value: String(size) }).toString();
  const { status } = await ask(`${url}/_config/size`, { method: "PUT", body, signal });
  if (status === 201 || status === 412) return;
  throw new AppError("E_COMMAND_FAILED", `the discovery service at ${url} took no token (HTTP ${status})`, {
    hint: "is it ours? start it with 'cluster discovery serve'",
  });
}

interface Question {
  readonly method: "GET" | "PUT";
  readonly body?: string;
  readonly proxy?: HostProxy | undefined;
  readonly signal: AbortSignal;
}

const patience = 15_000;

async function ask(
  url: string,
  { method, body, proxy, signal }: Question,
): Promise<{ readonly status: number; readonly body: string }> {
  const secure = url.startsWith("https:");
  const proxyEnv = { HTTP_PROXY: proxy?.http, HTTPS_PROXY: proxy?.https, NO_PROXY: proxy?.no.join(",") };
  const agent = secure ? new HttpsAgent({ proxyEnv }) : new HttpAgent({ proxyEnv });
  const headers = body === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" };
  const within = AbortSignal.any([signal, AbortSignal.timeout(patience)]);
  try {
    return await new Promise((resolve, reject) => {
      const sent = (secure ? httpsRequest : httpRequest)(
        url,
        { method, headers, agent, signal: within },
        (answer) => {
          let text = "";
          answer.setEncoding("utf8");
          answer.on("data", (part: string) => (text += part));
          answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body: text }));
          answer.on("error", reject);
        },
      );
      sent.on("error", reject);
      sent.end(body);
    });
  } catch (error) {
    signal.throwIfAborted();
    throw new AppError(
      "E_NODE_UNREACHABLE",
      `the discovery service at ${new URL(url).origin} does not answer`,
      {
        details: [messageOf(error)],
        cause: error,
        hint:
          method === "PUT"
            ? "is it running? start it with 'cluster discovery serve'"
            : "is there a proxy on the way (proxy in cluster.yaml)? or set etcd.discovery to local or static",
      },
    );
  } finally {
    agent.destroy();
  }
}
