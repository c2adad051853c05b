import { request } from "node:http";

/** Where a local service listens. */
export type Address = { readonly socketPath: string } | { readonly host: string; readonly port: number };

/** GETs `path`; the status and the body. Rejects when nobody listens or the signal aborts. */
export async function get(
  address: Address,
  path: string,
  signal: AbortSignal,
): Promise<{ readonly status: number; readonly body: string }> {
  return await new Promise((resolve, reject) => {
    const outgoing = request({ ...address, path, signal, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString("utf8") });
      });
      response.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}
