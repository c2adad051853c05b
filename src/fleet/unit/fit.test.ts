import { describe, expect, it } from "vitest";
import { conflict, globalsFor, hasMetadata, isMachineID, type RequiringUnit } from "./fit.ts";
import { requirementsOf } from "./requirements.ts";

function unit(name: string, ...lines: string[]): RequiringUnit {
  const options = lines.map((line) => {
    const equals = line.indexOf("=");
    return { section: "X-Fleet", name: line.slice(0, equals), value: line.slice(equals + 1) };
  });
  return { name, requirements: requirementsOf({ name, options }) };
}

describe("isMachineID", () => {
  it.each([
    ["0b9fd6f8a2c44b2e9d1e3f0a5b6c7d8e", true],
    ["0b9fd6f8", true],
    ["0b9fd6f", false],
    ["", false],
  ])("%j names the machine: %s", (wanted, expected) => {
    expect(isMachineID(wanted, "0b9fd6f8a2c44b2e9d1e3f0a5b6c7d8e")).toBe(expected);
  });
});

describe("hasMetadata", () => {
  const { metadata } = unit(
    "a.service",
    'MachineMetadata="region=a" "region=b"',
    "MachineMetadata=disk=ssd",
  ).requirements;
  it.each([
    ["any value of each key is enough", { region: "b", disk: "ssd" }, true],
    ["every key is needed", { region: "a" }, false],
    ["another value does not do", { region: "c", disk: "ssd" }, false],
    ["further keys do not matter", { region: "a", disk: "ssd", x: "y" }, true],
  ])("%s", (_, machine, expected) => {
    expect(hasMetadata(machine, metadata)).toBe(expected);
  });

  it("does not take what every object has for metadata", () => {
    expect(hasMetadata({}, new Map([["constructor", new Set([""])]]))).toBe(false);
  });
});

describe("conflict", () => {
  it.each([
    ["when the first says so", unit("a.service", "Conflicts=b.*"), unit("b.service"), true],
    ["when the second says so", unit("a.service"), unit("b.service", "Conflicts=x y a.*"), true],
    ["when neither does", unit("a.service", "Conflicts=c.*"), unit("b.service"), false],
  ])("%s", (_, one, other, expected) => {
    expect(conflict(one, other)).toBe(expected);
  });
});

describe("globalsFor", () => {
  const log = unit("log.service", "Global=true");
  const dog = unit("dog.service", "Global=true", "MachineMetadata=dog=woof");
  const names = (units: readonly RequiringUnit[]): string[] => units.map(({ name }) => name);

  it("takes globals whose metadata the machine has, by name", () => {
    expect(names(globalsFor({ dog: "woof" }, [log, dog], []))).toEqual(["dog.service", "log.service"]);
    expect(names(globalsFor({}, [log, dog], []))).toEqual(["log.service"]);
  });

  it("leaves out a global that conflicts with a placed unit or with one that comes first by name", () => {
    const cat = unit("cat.service", "Global=true", "Conflicts=dog.service web@*.service");
    expect(names(globalsFor({ dog: "woof" }, [dog, cat], []))).toEqual(["cat.service"]);
    expect(names(globalsFor({ dog: "woof" }, [dog, cat], [unit("web@1.service")]))).toEqual(["dog.service"]);
  });
});
