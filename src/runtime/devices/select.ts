import { ShimmyError } from "../../errors.ts";
import {
  type BackendChoice,
  backendsIn,
  currentPlatform,
  embeddedLibraries,
  embedsLibraries,
  findRuntime,
  hasGraphicsCard,
  isPublished,
  lacksGraphicsCard,
  missingDriver,
  type Runtime,
  type System,
  THIS_SYSTEM,
  type Variant,
  VARIANT_LABELS,
  VARIANTS,
} from "../library/mod.ts";
import { type BackendReport, detectBackend, type DetectOptions } from "./backends.ts";

/** The chosen variant. */
export interface Chosen {
  readonly variant: Variant;
  /** Why `auto` chose the CPU; `null` if there is nothing to report. */
  readonly note: string | null;
}

/**
 * Chooses the variant: the requested one, or for `auto` the best one with a device.
 *
 * @param reports Reports of the checked variants.
 * @throws {ShimmyError} `backend` with what is missing if the requested variant is unusable. It
 * never silently falls back to the CPU.
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
    `--gpu-backend ${choice}: ${report?.reason ?? "it was not checked"}`,
    { field: "gpu-backend", ...(report?.detail ? { detail: report.detail } : {}) },
  );
}

function cpuNote(reports: readonly BackendReport[]): string {
  const reasons = reports
    .filter(({ variant, reason }) => variant !== "cpu" && reason !== null)
    .map(({ variant, reason }) => `${VARIANT_LABELS[variant]}: ${reason}`);
  return reasons.length > 0
    ? `Running on the CPU (${reasons.join("; ")})`
    : "Running on the CPU: no GPU driver found; see `shimmy gpu-info`";
}

/** Libraries to open and devices to use. */
export interface Selection {
  readonly runtime: Runtime;
  /** Names of the devices to use. Empty means the CPU only. */
  readonly devices: readonly string[];
  /** A note for the operator, or `null`. */
  readonly note: string | null;
  /** Reports of the checked variants. */
  readonly reports: readonly BackendReport[];
}

/** `auto` downloads no more than this, so that a first start does not take an hour. */
const AUTO_FETCH_LIMIT = 200 * 1024 * 1024;

/** The report of a backend on a machine without a graphics card. */
const NO_CARD: Omit<BackendReport, "variant"> = {
  runtime: null,
  devices: [],
  usable: false,
  reason: "no device: this machine has no device file of a graphics card in /dev",
  detail: null,
};

/**
 * Limits of what `auto` downloads for a GPU: nothing in an executable with built-in libraries, which
 * must not need a network, and nothing without a graphics card.
 */
async function autoLimits(options: DetectOptions, system: System): Promise<Partial<DetectOptions>> {
  const embedded = options.embedded === undefined ? embeddedLibraries() : options.embedded;
  const allowFetch = options.allowFetch !== false && hasGraphicsCard(system) &&
    !await embedsLibraries(embedded);
  return { fetchLimit: options.fetchLimit ?? AUTO_FETCH_LIMIT, allowFetch };
}

/**
 * Finds the libraries for `--gpu-backend`. With `cpu`, and with `auto` on a machine without a GPU
 * driver or without the device file of a GPU, it starts no child process and downloads only the CPU
 * libraries.
 *
 * @throws {ShimmyError} The errors of {@linkcode chooseVariant} and `findRuntime`.
 */
export async function selectRuntime(
  choice: BackendChoice,
  options: DetectOptions = {},
): Promise<Selection> {
  const reports: BackendReport[] = [];
  const system = options.system ?? THIS_SYSTEM;
  const platform = options.platform ?? currentPlatform();
  const folder = options.folder ?? Deno.env.get("SHIMMY_LIBLLAMA");
  const isAvailable = (variant: Variant) =>
    missingDriver(variant, system) === null &&
    (folder ? backendsIn(folder, system).has(variant) : isPublished(platform, variant));
  const candidates = (choice === "auto" ? VARIANTS.filter(isAvailable) : [choice])
    .filter((variant) => variant !== "cpu");
  if (choice === "auto" && lacksGraphicsCard(system)) {
    // A process that loads the driver takes as long as the load of a small model.
    reports.push(...candidates.map((variant) => ({ ...NO_CARD, variant })));
  } else {
    const limits = choice === "auto" ? await autoLimits(options, system) : {};
    for (const variant of candidates) {
      const report = await detectBackend(variant, { ...options, ...limits });
      reports.push(report);
      if (report.usable) break;
    }
  }
  const { variant, note } = choice === "cpu"
    ? { variant: choice, note: null }
    : chooseVariant(choice, reports);
  const report = reports.find((candidate) => candidate.variant === variant);
  const runtime = report?.runtime ?? await findRuntime({ ...options, variant });
  const reason = note !== null && folder && reports.length === 0
    ? "Running on the CPU: the folder in SHIMMY_LIBLLAMA has no backend for a GPU of this machine"
    : note;
  return { runtime, devices: deviceNames(report), note: reason, reports };
}

/** If there is a discrete GPU, an integrated one would slow it down. */
function deviceNames(report: BackendReport | undefined): string[] {
  const devices = report?.devices ?? [];
  const cards = devices.filter(({ kind }) => kind === "gpu");
  return (cards.length > 0 ? cards : devices).map(({ name }) => name);
}
