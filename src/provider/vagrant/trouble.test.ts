import { describe, expect, it } from "vitest";
import type { CommandResult } from "../../foundation/exec.ts";
import { explainFailure } from "./trouble.ts";

const failed = (stderr: string, more: Partial<CommandResult> = {}): CommandResult => ({
  code: 1,
  stdout: "",
  stderr,
  timedOut: false,
  missing: false,
  ...more,
});
const up = ["vagrant", "--no-tty", "up", "core-01"];

describe("what a failure of Vagrant or a hypervisor means", () => {
  it.each([
    [
      "VBoxManage: error: VT-x is being used by another hypervisor (VERR_VMX_IN_VMX_ROOT_MODE).",
      "E_IN_USE",
      "KVM",
    ],
    [
      "The VirtualBox VM was created with a user that... VERR_SVM_NO_SVM",
      "E_HOST_LACKS",
      "virtualises nothing",
    ],
    ["WARNING: The vboxdrv kernel module is not loaded.", "E_HOST_LACKS", "kernel module"],
    [
      "The IP address configured for the host-only network is not within the\nallowed ranges. Please update the address used to be within the allowed\nranges and run the command again.",
      "E_IN_USE",
      "host-only",
    ],
    [
      "Vagrant has detected that you have a version of VirtualBox installed\nthat is not supported by this version of Vagrant.",
      "E_HOST_LACKS",
      "does not know this version",
    ],
    [
      "error: Failed to connect socket to '/var/run/libvirt/libvirt-sock': Permission denied",
      "E_HOST_LACKS",
      "may not use it",
    ],
    [
      "error: Failed to connect socket to '/var/run/libvirt/libvirt-sock': No such file or directory",
      "E_HOST_LACKS",
      "daemon does not answer",
    ],
    ["Could not access KVM kernel module: Permission denied", "E_HOST_LACKS", "KVM runs no machine"],
    [
      "Vagrant can't use the requested machine because it is locked! This\nmeans that another process is already\nexecuting an action on the machine.",
      "E_LOCKED",
      "another 'vagrant'",
    ],
    [
      "core-03: Warning: Connection refused. Retrying...\nVagrant can't use the requested machine because it is locked! This\nmeans that another Vagrant process is currently reading or modifying\nthe machine.\n\n  Provider: libvirt",
      "E_LOCKED",
      "another 'vagrant'",
    ],
    ["VBoxManage: error: Unknown option: --nat-localhostreachable1", "E_HOST_LACKS", "127.0.0.1"],
    [
      "The checksum of the downloaded box did not match the expected\nvalue.",
      "E_COMMAND_FAILED",
      "not the one",
    ],
    ["The requested URL returned error: 404", "E_COMMAND_FAILED", "cannot be had"],
    ["Timed out while waiting for the machine to boot.", "E_TIMEOUT", "nobody could log in"],
    ["Name `demo-core-01` of domain about to create is already taken.", "E_IN_USE", "that name"],
    [
      "$num_instances is 4 in config.rb, but the cluster has 3: change cluster.yaml and run `cluster render`",
      "E_CONFIG_INVALID",
      "cannot be read",
    ],
  ])("%s", (stderr, code, words) => {
    const error = explainFailure(up, failed(stderr));
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
    expect(error.hint).toBeTruthy();
    expect(error.details.join("\n")).toContain(stderr.split("\n").at(-1));
  });

  it("says what a program that hangs or is not there was needed for", () => {
    expect(explainFailure(["VBoxManage", "list", "vms"], failed("", { timedOut: true }))).toMatchObject({
      code: "E_TIMEOUT",
      hint: expect.stringContaining("VBoxManage list vms") as string,
    });
    expect(explainFailure(up, failed("", { missing: true }))).toMatchObject({
      code: "E_HOST_LACKS",
      message: "the program vagrant is not installed",
    });
  });

  it("gives the last words of a failure that it does not know", () => {
    const error = explainFailure(up, failed("==> core-01: something\n    core-01: quite unheard of\n"));
    expect(error).toMatchObject({ code: "E_COMMAND_FAILED", message: "vagrant failed (exit 1)" });
    expect(error.details).toEqual(["vagrant --no-tty up core-01", "something", "quite unheard of"]);
  });
});
