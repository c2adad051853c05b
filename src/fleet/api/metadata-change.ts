import type { MetadataChange } from "../registry/registry.ts";

/** What the registry takes in one step. */
const mostOperations = 100;

/**
 * Reads the JSON text of a PATCH of /machines: a list of JSON Patch operations on `/<machine id>/metadata/<key>`. A value
 * may be a text, as fleet's documentation shows it, or `{"value": text}`, as fleet's server took it. Removing writes an
 * empty text, since a machine may come with metadata of the same name. A text says what is wrong, in fleet's words.
 */
export function decodeMetadataChanges(json: string): readonly MetadataChange[] | string {
  let body: unknown;
  try {
    body = JSON.parse(json);
  } catch (error) {
    return `unable to decode body: ${error instanceof Error ? error.message : String(error)}`;
  }
  if (!Array.isArray(body)) return "unable to decode body: expected a JSON list of operations";
  if (body.length > mostOperations) return `too many operations: ${body.length}, at most ${mostOperations}`;
  const changes: MetadataChange[] = [];
  for (const operation of body) {
    const change = readOperation(operation);
    if (typeof change === "string") return change;
    changes.push(change);
  }
  return changes;
}

function readOperation(operation: unknown): MetadataChange | string {
  if (!isRecord(operation)) return "unable to decode body: an operation is not an object";
  const { op, path, value } = operation;
  if (op !== "add" && op !== "remove" && op !== "replace") {
    return "invalid op: expect add, remove, or replace";
  }
  const match = typeof path === "string" ? /^\/([^/]+)\/metadata\/([A-Za-z0-9_.-]+)$/.exec(path) : null;
  const [, machineID, key] = match ?? [];
  if (machineID === undefined || key === undefined) return "machine metadata path invalid";
  if (op === "remove") return { machineID, key, value: "" };
  const text = isRecord(value) ? value["value"] : value;
  return typeof text === "string"
    ? { machineID, key, value: text }
    : "invalid value: add and replace require a value";
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
