import { ShimmyError } from "../../errors.ts";
import {
  type BackendChoice,
  backendsIn,
  currentPlatform,
  findRuntime,
  isPublished,
  missingDriver,
  type Runtime,
  THIS_SYSTEM,
  type Variant,
  VARIANT_LABELS,
  VARIANTS,
} from "../library/mod.ts";
import { type BackendReport, examine, type SurveyOptions } from "./backends.ts";

/** The variant that a choice comes to. */
export interface Chosen {
  readonly variant: Variant;
  /** Why `auto` came to the CPU, to be told once; `null` where there is nothing to tell. */
  readonly note: string | null;
}

/**
 * Picks the variant: the one that was asked for, or under `auto` the best that has a device.
 *
 * @param reports of the variants that were looked at
 * @throws {ShimmyError} `backend` where the one that was asked for cannot be used, with what is missing;
 * it never becomes the CPU in silence
 */
export function chooseVariant(choice: BackendChoice, reports: readonly BackendReport[]): Chosen {
  if (choice === "auto") {
    const best = VARIANTS.find((variant) =>
      variant !== "cpu" && reports.some((report) => report.variant === variant && report.usable)
    );
    return best ? { variant: best, note: null } : { variant: "cpu", note: cpuNote(reports) };
  }
  const report = reports.find(({ variant }) => variant === choice);
  if (report?.usable) return { variant: choice, note: null };
  throw new ShimmyError(
    "backend",
    `--gpu-backend ${choice}: ${report?.why ?? "it was not looked at"}`,
    { field: "gpu-backend", ...(report?.detail ? { detail: report.detail } : {}) },
  );
}

function cpuNote(reports: readonly BackendReport[]): string {
  const reasons = reports
    .filter(({ variant, why }) => variant !== "cpu" && why !== null)
    .map(({ variant, why }) => `${VARIANT_LABELS[variant]}: ${why}`);
  return reasons.length > 0
    ? `Running on the CPU (${reasons.join("; ")})`
    : "Running on the CPU: no GPU driver is on this machine; `shimmy gpu-info` tells more";
}

/** Libraries to open, and what to run on. */
export interface Selection {
  readonly runtime: Runtime;
  /** Names of the devices to use; empty means the CPU alone. */
  readonly devices: readonly string[];
  /** To be told once, or `null`. */
  readonly note: string | null;
  /** Of the variants that were looked at. */
  readonly reports: readonly BackendReport[];
}

/** Above this `auto` fetches nothing, so that a first start does not become an hour's download. */
const AUTO_FETCH_LIMIT = 200 * 1024 * 1024;

/**
 * Gets the libraries for `--gpu-backend`. With `cpu`, and with `auto` where no GPU's driver is here,
 * no child process is started and nothing but the CPU's libraries is fetched.
 *
 * @throws {ShimmyError} as {@linkcode chooseVariant} and `findRuntime`
 */
export async function selectRuntime(
  choice: BackendChoice,
  options: SurveyOptions = {},
): Promise<Selection> {
  const reports: BackendReport[] = [];
  const system = options.system ?? THIS_SYSTEM;
  const platform = options.platform ?? currentPlatform();
  const folder = options.folder ?? Deno.env.get("SHIMMY_LIBLLAMA");
  const worthwhile = (variant: Variant) =>
    missingDriver(variant, system) === null &&
    (folder ? backendsIn(folder, system).has(variant) : isPublished(platform, variant));
  const candidates = (choice === "auto" ? VARIANTS.filter(worthwhile) : [choice])
    .filter((variant) => variant !== "cpu");
  const fetchLimit = choice === "auto" ? AUTO_FETCH_LIMIT : undefined;
  for (const variant of candidates) {
    const report = await examine(variant, { fetchLimit, ...options });
    reports.push(report);
    if (report.usable) break;
  }
  const { variant, note } = choice === "cpu"
    ? { variant: choice, note: null }
    : chooseVariant(choice, reports);
  const report = reports.find((candidate) => candidate.variant === variant);
  const runtime = report?.runtime ?? await findRuntime({ ...options, variant });
  const why = note !== null && folder && reports.length === 0
    ? "Running on the CPU: the folder in SHIMMY_LIBLLAMA has no backend for a GPU of this machine"
    : note;
  return { runtime, devices: deviceNames(report), note: why, reports };
}

/** A graphics card of its own makes the processor's one a burden. */
function deviceNames(report: BackendReport | undefined): string[] {
  const devices = report?.devices ?? [];
  const cards = devices.filter(({ kind }) => kind === "gpu");
  return (cards.length > 0 ? cards : devices).map(({ name }) => name);
}
