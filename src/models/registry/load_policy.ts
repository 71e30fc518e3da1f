import type { KeepAlive } from "../entry/mod.ts";
import type { AdmissionLimits } from "../memory/mod.ts";

/** When models are unloaded, and how many may be loaded. */
export interface LoadPolicy extends AdmissionLimits {
  /** Default keep-alive. */
  readonly keepAlive: KeepAlive;
}

/** Models are unloaded only on request. */
export const KEEP_ALL: LoadPolicy = { keepAlive: Infinity, maxModels: Infinity };
