import { request as httpRequest } from "node:http";
import type { Duplex } from "node:stream";

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** One HTTP request over a stream that is already open, which it uses up. `within` in ms. */
export async function getOver(stream: Duplex, path: string, within: number): Promise<HttpAnswer> {
  return await new Promise<HttpAnswer>((resolve, reject) => {
    const request = httpRequest(
      {
        path,
        host: "node",
        createConnection: () => stream,
        headers: { connection: "close" },
        signal: AbortSignal.timeout(within),
      },
      (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (body += chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
        response.on("error", reject);
      },
    );
    request.on("error", reject);
    request.end();
  });
}
