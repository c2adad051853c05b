import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { historyFile } from "./history-file.ts";

const folders: string[] = [];
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })));

function path(): string {
  const folder = mkdtempSync(join(tmpdir(), "flotilla-history-"));
  folders.push(folder);
  return join(folder, "h.ndjson");
}
const full = Object.assign(new Error("no space left on device"), { code: "ENOSPC" });

describe("a history on disk", () => {
  it("loses nothing when the disk is full for a while, and keeps the order", () => {
    let written = "";
    let isFull = false;
    const file = historyFile(path(), {
      write: (_, text) => {
        if (isFull) throw full;
        written += text;
      },
    });
    file.append("1\n");
    isFull = true;
    file.append("2\n");
    file.append("3\n");
    isFull = false;
    file.append("4\n");
    file.close();
    expect(written).toBe("1\n2\n3\n4\n");
  });

  it("says at its end that the disk is full", () => {
    const file = historyFile(path(), {
      write: () => {
        throw full;
      },
    });
    file.append("1\n");
    expect(() => file.close()).toThrow(expect.objectContaining({ code: "E_DISK_FULL" }));
  });

  it("belongs to who called sudo", ({ skip }) => {
    skip(process.getuid?.() !== 0, "only root may give a file away");
    const place = path();
    const file = historyFile(place, { owner: { uid: 1234, gid: 5678 } });
    file.append("1\n");
    file.close();
    expect(statSync(place)).toMatchObject({ uid: 1234, gid: 5678 });
  });
});
