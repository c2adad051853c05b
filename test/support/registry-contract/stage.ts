import { afterEach, beforeEach } from "vitest";
import type { JoinRequest, Registry, Session } from "../../../src/fleet/registry/registry.ts";

export interface RegistrySubject {
  /** Another client of the same registry. */
  client(): Promise<Client>;
  /** Ends a lease as if its time had passed. */
  expire(leaseId: string): Promise<void>;
  /** Lets time pass until the promise is settled. */
  settle<T>(promise: Promise<T>): Promise<T>;
  close(): Promise<void>;
}

type Client = Registry & { close(): Promise<void> };

/** Of the machines in these tests, ms. */
export const ttl = 2_000;

/** What each test of the contract has: a subject of its own, one client of it, and a signal that ends with the test. */
export interface RegistryStage {
  readonly subject: RegistrySubject;
  readonly registry: Client;
  readonly stop: AbortController;
  joined(request: JoinRequest, from?: Registry): Promise<Session>;
}

export function registryStage(makeSubject: () => Promise<RegistrySubject>): RegistryStage {
  let subject: RegistrySubject;
  let registry: Client;
  let stop: AbortController;
  beforeEach(async () => {
    subject = await makeSubject();
    registry = await subject.client();
    stop = new AbortController();
  });
  afterEach(async () => {
    stop.abort(new Error("the test is over"));
    await subject.close();
  });
  return {
    get subject() {
      return subject;
    },
    get registry() {
      return registry;
    },
    get stop() {
      return stop;
    },
    joined: async (request, from = registry) => {
      const result = await subject.settle(from.join(request, stop.signal));
      if (result.kind !== "joined") throw new Error(`${request.machine.id} did not join`);
      return result.session;
    },
  };
}
