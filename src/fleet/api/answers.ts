import { AppError } from "../../foundation/errors.ts";
import type { Cordon, DesiredState } from "../model.ts";
import type { ApiMachine, ApiRefusal, ApiResponse, ApiUnit, ApiUnitState } from "./client.ts";

/** Whether what was to be changed is there. @throws as `refused` */
export function found(response: ApiResponse): boolean {
  if (response.status === 404) return false;
  if (response.status >= 300) throw refused(response);
  return true;
}

/** An object of an answer, of which nothing is known yet. */
export type Json = Readonly<Record<string, unknown>>;

/** @throws E_FLEET_API when it is no JSON, and as `refused` */
export function readJson(response: ApiResponse): Json {
  if (response.status >= 300) throw refused(response);
  const value = parse(response.body);
  if (value !== undefined) return value;
  throw new AppError("E_FLEET_API", "the server's answer is not JSON", {
    details: [response.body.slice(0, 200)],
    hint: "check that --endpoint names fleet's API and not another service",
  });
}

function parse(body: string): Json | undefined {
  try {
    return body.trim() === "" ? {} : (JSON.parse(body) as Json);
  } catch {
    return undefined;
  }
}

/** E_ETCD or E_FLEET_API, in the words in which Go's client showed a refusal: scripts look for them. */
export function refused(response: ApiResponse): AppError {
  const error = (parse(response.body)?.["error"] ?? {}) as Json;
  const message = text(error["message"]);
  if (response.status === 503) {
    return new AppError("E_ETCD", message === "" ? "fleet server unable to communicate with etcd" : message);
  }
  return new AppError("E_FLEET_API", `googleapi: Error ${response.status}: ${message}`);
}

/** A field of text; the API leaves empty ones out. */
export function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** A field of several objects. */
export function items(value: unknown): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

/** A machine. */
export function readMachine(item: Json): ApiMachine {
  return {
    id: text(item["id"]),
    primaryIP: text(item["primaryIP"]),
    metadata: (item["metadata"] ?? {}) as Readonly<Record<string, string>>,
  };
}

/** A unit. */
export function readUnit(item: Json): ApiUnit {
  const refusal = item["refusal"] as Json | undefined;
  return {
    name: text(item["name"]),
    options: items(item["options"]).map((option) => ({
      section: text(option["section"]),
      name: text(option["name"]),
      value: text(option["value"]),
    })),
    desiredState: text(item["desiredState"]) as DesiredState,
    currentState: text(item["currentState"]) as ApiUnit["currentState"],
    machineID: text(item["machineID"]),
    refusal: refusal === undefined ? undefined : readRefusal(refusal),
  };
}

function readRefusal(item: Json): ApiRefusal {
  const reasons = items(item["reasons"]);
  return {
    summary: text(item["summary"]),
    reasons: reasons.map((reason) => ({ machineID: text(reason["machineID"]), why: text(reason["why"]) })),
  };
}

/** What systemd says of a unit. */
export function readState(item: Json): ApiUnitState {
  return {
    name: text(item["name"]),
    machineID: text(item["machineID"]),
    hash: text(item["hash"]),
    load: text(item["systemdLoadState"]),
    active: text(item["systemdActiveState"]),
    sub: text(item["systemdSubState"]),
  };
}

/** A machine that is drained. */
export function readCordon(item: Json): Cordon {
  return { machineID: text(item["machineID"]), since: Number(item["since"] ?? 0) };
}
