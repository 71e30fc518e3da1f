import { GGML_BACKEND_DEV_TYPE } from "../generated/enums.ts";
import { GgmlBackendDevProps } from "../generated/structs.ts";
import type { Library } from "../library/library.ts";
import { cString, pointerAt, readCString } from "../memory/memory.ts";

/** A ggml device. Memory is in bytes. */
export interface Device {
  /** Device name in ggml, e.g. `CPU` or `Vulkan0`. */
  readonly name: string;
  readonly description: string;
  readonly kind: "cpu" | "gpu" | "igpu" | "accel";
  /** Backend of the device, e.g. `Vulkan`. */
  readonly backend: string;
  readonly memoryFree: number;
  readonly memoryTotal: number;
}

const KINDS: ReadonlyMap<number, Device["kind"]> = new Map([
  [GGML_BACKEND_DEV_TYPE.CPU, "cpu"],
  [GGML_BACKEND_DEV_TYPE.GPU, "gpu"],
  [GGML_BACKEND_DEV_TYPE.IGPU, "igpu"],
  [GGML_BACKEND_DEV_TYPE.ACCEL, "accel"],
]);

/**
 * Loads the ggml backends in the library folder: the best one for this CPU, and GPU backends whose
 * drivers are installed. Call before loading a model. Does nothing if backends are already loaded,
 * by this or another thread.
 */
export function loadBackends(library: Library): void {
  if (library.ggml.ggml_backend_reg_count() > 0n) return;
  library.ggml.ggml_backend_load_all_from_path(cString(library.folder));
}

/**
 * Lists the devices of the loaded backends in the order of ggml, with their current memory. Leaves
 * out devices that only group others.
 */
export function listDevices(library: Library): Device[] {
  const { ggml } = library;
  const devices: Device[] = [];
  for (let index = 0n; index < ggml.ggml_backend_dev_count(); index++) {
    const device = ggml.ggml_backend_dev_get(index);
    const props = new GgmlBackendDevProps();
    ggml.ggml_backend_dev_get_props(device, props.bytes);
    const kind = KINDS.get(props.type);
    if (!kind) continue;
    devices.push({
      name: readCString(pointerAt(props.name)) ?? "",
      description: readCString(pointerAt(props.description)) ?? "",
      kind,
      backend: readCString(ggml.ggml_backend_reg_name(ggml.ggml_backend_dev_backend_reg(device))) ??
        "",
      memoryFree: Number(props.memory_free),
      memoryTotal: Number(props.memory_total),
    });
  }
  return devices;
}

/** Handle (`ggml_backend_dev_t`) of a device by name; `null` if there is none. */
export function deviceHandle(library: Library, name: string): Deno.PointerValue {
  return library.ggml.ggml_backend_dev_by_name(cString(name));
}
