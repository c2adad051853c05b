import { describe, expect, it } from "vitest";
import { envScript, guessShell } from "./env-script.ts";

const variables = { FLEETCTL_TUNNEL: "127.0.0.1:2222", FLEETCTL_KNOWN_HOSTS_FILE: "/it's/known_hosts" };

describe("cluster env", () => {
  it.each([
    ["linux", { SHELL: "/usr/bin/fish" }, "fish"],
    ["linux", { SHELL: "/bin/tcsh" }, "bash"],
    ["darwin", { SHELL: "/bin/zsh" }, "zsh"],
    ["linux", {}, "bash"],
    ["win32", { SHELL: "C:\\Program Files\\Git\\usr\\bin\\bash.exe" }, "bash"],
    ["win32", { PSModulePath: "x" }, "powershell"],
    ["win32", { PROMPT: "$P$G" }, "cmd"],
  ] as const)("on %s with %j writes for %s", (platform, env, shell) => {
    expect(guessShell({ platform, env })).toBe(shell);
  });

  it.each([
    ["bash", "export FLEETCTL_KNOWN_HOSTS_FILE='/it'\\''s/known_hosts'", "ssh-add -q '/it'\\''s/key'"],
    ["fish", "set -gx FLEETCTL_KNOWN_HOSTS_FILE '/it\\'s/known_hosts';", "ssh-add -q '/it\\'s/key';"],
    ["powershell", "$Env:FLEETCTL_KNOWN_HOSTS_FILE = '/it''s/known_hosts'", "ssh-add -q '/it''s/key'"],
    ["cmd", 'SET "FLEETCTL_KNOWN_HOSTS_FILE=/it\'s/known_hosts"', 'ssh-add -q "/it\'s/key"'],
  ] as const)("quotes for %s", (shell, variable, key) => {
    const written = envScript({
      shell,
      variables,
      keys: ["/it's/key", "/home/me/.vagrant.d/insecure_private_key"],
    });
    expect(written.split("\n")).toEqual(expect.arrayContaining([variable, key]));
    expect(written).toContain("insecure_private_key");
  });

  it("gives the agent in WSL a copy of a key that lies on a Windows drive", () => {
    const keys = ["/mnt/c/Users/Me too/.vagrant.d/insecure_private_key", "/home/me/key"];
    const written = envScript({ shell: "bash", variables, keys, copies: "/home/me/.ssh/demo" });
    expect(written).toContain(
      "install -d -m 700 /home/me/.ssh/demo && install -m 600 '/mnt/c/Users/Me too/.vagrant.d/insecure_private_key' /home/me/.ssh/demo/insecure_private_key && ssh-add -q /home/me/.ssh/demo/insecure_private_key\n",
    );
    expect(written).toContain("\nssh-add -q /home/me/key\n");
  });
});
