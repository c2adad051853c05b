import type { FaultName } from "../scenario/inject.ts";
import type { Drawing, Fault } from "./fault.ts";
import { packetDelay, packetLoss, partition, registryOutage } from "./network.ts";
import { freeze, halt, powerCut, reboot } from "./power.ts";
import { clockStep, cpuPressure, diskFull, memoryPressure } from "./pressure.ts";
import { containerKill, processKill, processPause, unitCrash } from "./process.ts";

export type Faults = Readonly<Record<FaultName, Fault>>;

/** All faults by name. */
export function allFaults(): Faults {
  return {
    "power-cut": powerCut,
    halt,
    reboot,
    freeze,
    "process-kill": processKill,
    "process-pause": processPause,
    partition,
    "packet-loss": packetLoss,
    "packet-delay": packetDelay,
    "registry-outage": registryOutage,
    "container-kill": containerKill,
    "unit-crash": unitCrash,
    "cpu-pressure": cpuPressure,
    "memory-pressure": memoryPressure,
    "disk-full": diskFull,
    "clock-step": clockStep,
  };
}

/** How a fault is drawn, by its name as histories have it: `partition (in)`. */
export function drawingOf(fault: string): Drawing {
  const known: Readonly<Record<string, Fault>> = allFaults();
  return known[fault.split(" ")[0] ?? ""]?.drawn ?? { label: fault, colour: "grey" };
}
