import {
  type BackendReport,
  cacheDirectory,
  chooseVariant,
  detectBackends,
  selectRuntime,
} from "../../../runtime/mod.ts";
import { command, EXIT, interruptible } from "../../environment/mod.ts";
import { bytes, table } from "../../output/mod.ts";
import { flag, type GlobalValues } from "../../options/mod.ts";
import { downloadProgress, type WorkerReport } from "../../sessions/mod.ts";

/** `gpu-info`: lists all compute backends, their devices and the backend that models run on. */
export default command({
  operands: [],
  options: { "json": flag({ help: "print JSON" }) },
  run: ({ values, globals }, environment) =>
    interruptible(environment, EXIT.interrupted, async (signal) => {
      const { output, env } = environment;
      const choice = globals["gpu-backend"];
      const options = {
        cacheDir: cacheDirectory(env),
        folder: env("SHIMMY_LIBLLAMA") || undefined,
        onProgress: downloadProgress(environment, (line) => output.note(line)),
        signal,
      };
      // A backend that is requested by name is downloaded; listing all backends downloads nothing.
      const asked = choice === "auto" ? null : await attempt(() => selectRuntime(choice, options));
      const [reports, workers] = await Promise.all([
        detectBackends(options),
        probeWorkers(globals, signal, (line) => output.alert(line)),
      ]);
      output.progress(null);
      if (asked !== null && "error" in asked) {
        const all = { reports, workers };
        await output.print(values.json ? JSON.stringify(json(all, null, null)) : show(all));
        throw asked.error;
      }
      const { variant, note } = asked === null
        ? chooseVariant("auto", reports)
        : { variant: asked.value.runtime.variant, note: asked.value.note };
      const all = { reports, workers };
      if (values.json) await output.print(JSON.stringify(json(all, variant, note)));
      else await output.print(`${show(all)}\n\nChosen: ${variant}${note ? `\n${note}` : ""}`);
      return workers.some(({ reason }) => reason !== null) ? EXIT.failure : EXIT.ok;
    }),
});

async function attempt<T>(work: () => Promise<T>): Promise<{ value: T } | { error: unknown }> {
  try {
    return { value: await work() };
  } catch (error) {
    return { error };
  }
}

/** The state of this machine's backends and of the workers of `--rpc`. */
interface Found {
  readonly reports: readonly BackendReport[];
  readonly workers: readonly WorkerReport[];
}

/** Asks the workers of `--rpc`, if there are some. */
async function probeWorkers(
  globals: GlobalValues,
  signal: AbortSignal,
  warn: (line: string) => void,
): Promise<readonly WorkerReport[]> {
  if (globals.rpc.length === 0) return [];
  const { reportWorkers } = await import("../../sessions/mod.ts");
  return await reportWorkers(globals, signal, warn);
}

/** The report for `--json`. Memory is in bytes. */
function json({ reports, workers }: Found, chosen: string | null, note: string | null) {
  return {
    chosen,
    note,
    backends: reports.map(({ variant, usable, reason, runtime, devices }) => ({
      backend: variant,
      usable,
      why: reason,
      source: runtime?.source ?? null,
      folder: runtime?.folder ?? null,
      devices: devices.map((device) => ({
        name: device.name,
        description: device.description,
        kind: device.kind,
        memory_free: device.memoryFree,
        memory_total: device.memoryTotal,
      })),
    })),
    workers: workers.map(({ endpoint, reason, latencyMs, devices }) => ({
      endpoint,
      usable: reason === null,
      why: reason,
      latency_ms: latencyMs,
      devices: devices.map((device) => ({
        name: device.name,
        memory_free: device.memoryFree,
        memory_total: device.memoryTotal,
      })),
    })),
  };
}

function show({ reports, workers }: Found): string {
  const rows = reports.flatMap(({ variant, reason, devices }) =>
    devices.length === 0 ? [[variant, reason ?? "usable"]] : devices.map((device) => [
      variant,
      `${device.name}, ${device.description}, ` +
      `${bytes(device.memoryFree)} of ${bytes(device.memoryTotal)} free`,
    ])
  );
  const workerRows = workers.flatMap(({ endpoint, reason, latencyMs, devices }) =>
    reason !== null ? [["rpc", reason]] : devices.map((device) => [
      "rpc",
      `${device.name}, ${endpoint}, ${bytes(device.memoryFree)} of ${
        bytes(device.memoryTotal)
      } free, latency ${latencyMs?.toFixed(2)} ms`,
    ])
  );
  return table([["BACKEND", "DEVICES"], ...rows, ...workerRows]);
}
