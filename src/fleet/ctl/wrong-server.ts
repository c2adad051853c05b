import { AppError } from "../../foundation/errors.ts";
import type { ApiResponse, Transport } from "../api/client.ts";

/**
 * Recognises an etcd where fleet's API should be: scripts of fleet's days name etcd's port. It costs a question only when
 * an answer is none of fleet's.
 * @param name of the endpoint, as the user knows it
 */
export function recogniseEtcd(transport: Transport, name: string): Transport {
  let isFleet = false;
  return async (request) => {
    const response = await transport(request);
    isFleet ||= isFleets(response);
    if (isFleet || !(await isEtcd(transport))) return response;
    throw new AppError("E_USAGE", `Unable to initialize client: ${name} is etcd, not fleet's API`, {
      details: ["what fleet keeps in etcd can only be changed through fleetd: there is no etcd driver"],
      hint: "name a machine with --tunnel HOST, or fleetd's own address with --endpoint; on a machine neither is needed",
    });
  };
}

/** Fleet answers with nothing, or with a JSON object; its errors have a shape of their own. */
function isFleets({ status, body }: ApiResponse): boolean {
  if (status < 300 && body === "") return true;
  const value = parse(body);
  return status < 300 ? value !== undefined : value?.["error"] !== undefined;
}

async function isEtcd(transport: Transport): Promise<boolean> {
  const { body } = await transport({ method: "GET", path: "/version" });
  return parse(body)?.["etcdserver"] !== undefined;
}

function parse(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null
      ? (value as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    return undefined;
  }
}
