/** Fleet's API v1 in the form of Google's discovery service, from which clients are generated. */
export function discoveryDocument(tokenLimit: number): object {
  return {
    kind: "discovery#restDescription",
    discoveryVersion: "v1",
    id: "fleet:v1",
    name: "fleet",
    version: "v1",
    title: "fleet API",
    description: "Units of a cluster, the machines that run them, and what systemd says of them.",
    documentationLink: "docs/compatibility.md",
    protocol: "rest",
    basePath: "/fleet/v1/",
    servicePath: "fleet/v1/",
    batchPath: "batch",
    parameters: {},
    auth: {},
    schemas,
    resources: resources(tokenLimit),
  };
}

const text = { type: "string" };
const list = (schema: string): object => ({ type: "array", items: { $ref: schema } });
const object = (id: string, properties: object): object => ({ id, type: "object", properties });
const page = (id: string, key: string, item: string): object =>
  object(id, { [key]: list(item), nextPageToken: text });
const state = { type: "string", enum: ["inactive", "loaded", "launched"] };

const schemas = {
  Machine: object("Machine", {
    id: { ...text, required: true },
    primaryIP: text,
    metadata: { type: "object", additionalProperties: text },
  }),
  MachinePage: page("MachinePage", "machines", "Machine"),
  UnitOption: object("UnitOption", { section: text, name: text, value: text }),
  Unit: object("Unit", {
    name: { ...text, required: true },
    options: list("UnitOption"),
    desiredState: state,
    currentState: state,
    machineID: text,
  }),
  UnitPage: page("UnitPage", "units", "Unit"),
  UnitState: object("UnitState", {
    name: text,
    hash: text,
    machineID: text,
    systemdLoadState: text,
    systemdActiveState: text,
    systemdSubState: text,
  }),
  UnitStatePage: page("UnitStatePage", "states", "UnitState"),
};

interface Method {
  readonly id: string;
  readonly verb: "GET" | "PUT" | "DELETE";
  readonly path: string;
  readonly about: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly takes?: string;
  readonly gives?: string;
  /** Gives these, one after the other. */
  readonly pages?: string;
}

function method({ id, verb, path, about, query = {}, takes, gives }: Omit<Method, "pages">): object {
  const inPath = path.includes("{") ? { unitName: { ...text, location: "path", required: true } } : {};
  const inQuery = Object.entries(query).map(([name, description]) => [
    name,
    { ...text, location: "query", description },
  ]);
  return {
    id: `fleet.${id}`,
    description: about,
    httpMethod: verb,
    path,
    parameters: { ...inPath, ...(Object.fromEntries(inQuery) as object) },
    ...(path.includes("{") ? { parameterOrder: ["unitName"] } : {}),
    ...(takes === undefined ? {} : { request: { $ref: takes } }),
    ...(gives === undefined ? {} : { response: { $ref: gives } }),
  };
}

const filters = { unitName: "only of this unit", machineID: "only on this machine" };
const unit = "units/{unitName}";

/** By resource and name. */
const methods: Readonly<Record<string, Readonly<Record<string, Method>>>> = {
  Machines: {
    List: { id: "Machine.List", verb: "GET", path: "machines", about: "The machines.", pages: "MachinePage" },
  },
  Units: {
    List: { id: "Unit.List", verb: "GET", path: "units", about: "The units.", pages: "UnitPage" },
    Get: { id: "Unit.Get", verb: "GET", path: unit, about: "One unit.", gives: "Unit" },
    Set: {
      id: "Unit.Set",
      verb: "PUT",
      path: unit,
      about: "Creates a unit or changes what it shall be.",
      takes: "Unit",
    },
    Delete: { id: "Unit.Delete", verb: "DELETE", path: unit, about: "Destroys a unit." },
  },
  UnitState: {
    List: {
      id: "UnitState.List",
      verb: "GET",
      path: "state",
      about: "What systemd says of units.",
      query: filters,
      pages: "UnitStatePage",
    },
  },
};

function resources(tokenLimit: number): object {
  const nextPageToken = `from the page before; pages have ${tokenLimit} items`;
  const show = ({ pages, ...what }: Method): object =>
    pages === undefined
      ? method(what)
      : method({ ...what, query: { nextPageToken, ...what.query }, gives: pages });
  return mapValues(methods, (all) => ({ methods: mapValues(all, show) }));
}

function mapValues<T>(record: Readonly<Record<string, T>>, show: (value: T) => object): object {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, show(value)]));
}
