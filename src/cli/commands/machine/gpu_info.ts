import {
  type BackendReport,
  cacheDirectory,
  chooseVariant,
  detectBackends,
  selectRuntime,
} from "../../../runtime/mod.ts";
import { command, EXIT, interruptible } from "../../environment/mod.ts";
import { bytes, table } from "../../output/mod.ts";
import { flag } from "../../options/mod.ts";
import { downloadProgress } from "../../sessions/mod.ts";

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
      const reports = await detectBackends(options);
      output.progress(null);
      if (asked !== null && "error" in asked) {
        await output.print(values.json ? JSON.stringify(json(reports, null, null)) : show(reports));
        throw asked.error;
      }
      const { variant, note } = asked === null
        ? chooseVariant("auto", reports)
        : { variant: asked.value.runtime.variant, note: asked.value.note };
      if (values.json) await output.print(JSON.stringify(json(reports, variant, note)));
      else await output.print(`${show(reports)}\n\nChosen: ${variant}${note ? `\n${note}` : ""}`);
      return EXIT.ok;
    }),
});

async function attempt<T>(work: () => Promise<T>): Promise<{ value: T } | { error: unknown }> {
  try {
    return { value: await work() };
  } catch (error) {
    return { error };
  }
}

/** The report for `--json`. Memory is in bytes. */
function json(reports: readonly BackendReport[], chosen: string | null, note: string | null) {
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
  };
}

function show(reports: readonly BackendReport[]): string {
  const rows = reports.flatMap(({ variant, reason, devices }) =>
    devices.length === 0 ? [[variant, reason ?? "usable"]] : devices.map((device) => [
      variant,
      `${device.name}, ${device.description}, ` +
      `${bytes(device.memoryFree)} of ${bytes(device.memoryTotal)} free`,
    ])
  );
  return table([["BACKEND", "DEVICES"], ...rows]);
}
