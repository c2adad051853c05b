import { defineConfig } from "vitest/config";

/**
 * Projects from fast to real. `unit` touches no network and no child process; `integration` talks to real
 * programs (etcd, dbus-daemon, sshd, the file system); `e2e` runs the built executables on real nodes, `e2e-vm` on
 * virtual machines.
 */
export default defineConfig({
  test: {
    restoreMocks: true,
    expect: { requireAssertions: true },
    projects: [
      {
        extends: true,
        test: { name: "unit", include: ["src/**/*.test.ts", "test/*.test.ts"], testTimeout: 20_000 },
      },
      {
        extends: true,
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        // What the examples show to users; test/e2e runs them on real nodes.
        test: { name: "examples", include: ["clusters/*/*.test.ts"], testTimeout: 180_000 },
      },
      {
        extends: true,
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 240_000,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          // Emulated machines, several on a processor: see scripts/e2e-vm.sh.
          name: "e2e-vm",
          include: ["test/e2e-vm/**/*.test.ts"],
          testTimeout: 900_000,
          hookTimeout: 900_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
