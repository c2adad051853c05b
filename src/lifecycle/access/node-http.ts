import { request as httpRequest } from "node:http";
import type { Duplex } from "node:stream";

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

export interface HttpQuestion {
  readonly method: string;
  readonly path: string;
  /** JSON text. */
  readonly body?: string;
}

/** A GET over a stream that is already open, which it uses up. `within` in ms. */
export async function getOver(stream: Duplex, path: string, within: number): Promise<HttpAnswer> {
  return await requestOver(stream, { method: "GET", path }, within);
}

/** One HTTP request over a stream that is already open, which it uses up. `within` in ms. */
export async function requestOver(
  stream: Duplex,
  { method, path, body }: HttpQuestion,
  within: number,
): Promise<HttpAnswer> {
  const type = body === undefined ? {} : { "content-type": "application/json" };
  return await new Promise<HttpAnswer>((resolve, reject) => {
    const request = httpRequest(
      {
        method,
        path,
        host: "node",
        createConnection: () => stream,
        headers: { connection: "close", ...type },
        signal: AbortSignal.timeout(within),
      },
      (response) => {
        let answer = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (answer += chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: answer }));
        response.on("error", reject);
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}
