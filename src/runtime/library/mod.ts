/** Finds, downloads and installs the libraries of libllama, one folder per variant. */

export type { Progress } from "./download.ts";
export { embeddedLibraries, embedsLibraries } from "./embedded.ts";
export { type FindOptions, findRuntime, installRelease, type Runtime } from "./find.ts";
export { type InstalledVariant, listInstalled, removeInstalled } from "./manage.ts";
export { type Asset, isPublished } from "./release.ts";
export {
  backendsIn,
  hasGraphicsCard,
  lacksGraphicsCard,
  missingDriver,
  type System,
  THIS_SYSTEM,
} from "./system.ts";
export {
  BACKEND_NAMES,
  type BackendChoice,
  currentPlatform,
  parseBackendChoice,
  type Variant,
  VARIANT_LABELS,
  VARIANTS,
} from "./variant.ts";
