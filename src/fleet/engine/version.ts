/**
 * The version of the engine: raised by one whenever the same cluster would get other decisions than before. Of several in
 * one cluster only those of the newest lead, so that an upgrade, machine by machine, does not move units to and fro. 0 is
 * what fleetds from before this number count as.
 */
export const engineVersion = 1;
