import { describe, expect, it } from "vitest";
import { memberAt } from "./etcd-members.ts";

describe("etcd's list of members", () => {
  const list =
    "8e9e05c52164694d, started, core-01, http://10.0.0.1:2380, http://10.0.0.1:2379, false\n" +
    "91bc3c398fb3c146, unstarted, , http://10.0.0.2:2380, , false\n";

  it("names a member by its address, also one that has no name yet", () => {
    expect(memberAt(list, "http://10.0.0.1:2380")).toBe("8e9e05c52164694d");
    expect(memberAt(list, "http://10.0.0.2:2380")).toBe("91bc3c398fb3c146");
    expect(memberAt(list, "http://10.0.0.3:2380")).toBeUndefined();
  });
});
