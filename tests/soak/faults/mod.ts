import { calm } from "./calm.ts";
import { clockJumps } from "./clock_jumps.ts";
import type { Fault } from "./fault.ts";
import { missingFolders, readOnlyFolders } from "./folders.ts";
import { fullDisk } from "./full_disk.ts";
import { hangThread } from "./hang_thread.ts";
import { killModel } from "./kill_model.ts";
import { sharedCache } from "./shared_cache.ts";
import { stall } from "./stall.ts";
import { stopModel } from "./stop_model.ts";
import { vanish } from "./vanish.ts";

/** A round: the faults of a group happen at the same time, one group after the other. */
export const ROUND: readonly (readonly Fault[])[] = [
  [calm],
  [vanish],
  [stall],
  [killModel, readOnlyFolders],
  [stopModel, fullDisk, missingFolders],
  [hangThread, sharedCache, clockJumps],
];

export type { Fault, FaultContext, OwnFault, SharedFault } from "./fault.ts";
