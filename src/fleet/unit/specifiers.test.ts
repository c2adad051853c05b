import { describe, expect, it } from "vitest";
import { expandSpecifiers } from "./specifiers.ts";

describe("expandSpecifiers", () => {
  it.each([
    ["ssh@2.service", ["ssh@2.service", "ssh@2", "ssh", "2"]],
    ["test.service", ["test.service", "test", "test", ""]],
    ["foo@bar.waldo", ["foo@bar.waldo", "foo@bar", "foo", "bar"]],
  ])("fills in the parts of %s", (name, expected) => {
    expect(["%n", "%N", "%p", "%i"].map((specifier) => expandSpecifiers(specifier, name))).toEqual(expected);
  });

  it("replaces every one, and leaves what it does not know", () => {
    expect(expandSpecifiers("%p-%p %j %H %%", "a@1.service")).toBe("a-a %j %H %%");
  });

  it("leaves the text alone for a name without a dot", () => {
    expect(expandSpecifiers("%n", "foo")).toBe("%n");
  });

  it("takes a dollar sign in a name for what it is", () => {
    expect(expandSpecifiers("<%i>", "a@$&.service")).toBe("<$&>");
  });
});
