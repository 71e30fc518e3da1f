import type { Library } from "../library/library.ts";
import { readCString } from "../memory/memory.ts";

/** Buffers of RPC devices are named after their worker's address, where they have another number. */
const RPC_BUFFER = /^RPC\d+\[/;

/**
 * Buffer types for tensor placement by name (`CPU`, `Vulkan0`, `Vulkan_Host`): the buffer of each
 * device, and its pinned host buffer if it has one. The buffer of an RPC device has the device's name.
 */
export function bufferTypes(library: Library): ReadonlyMap<string, Deno.PointerObject> {
  const { ggml } = library;
  const found = new Map<string, Deno.PointerObject>();
  const add = (type: Deno.PointerValue, device: Deno.PointerValue = null) => {
    if (type === null) return;
    const own = readCString(ggml.ggml_backend_buft_name(type));
    const isRpc = own !== null && RPC_BUFFER.test(own);
    const name = isRpc ? readCString(ggml.ggml_backend_dev_name(device)) : own;
    if (name !== null && !found.has(name)) found.set(name, type);
  };
  for (let index = 0n; index < ggml.ggml_backend_dev_count(); index++) {
    const device = ggml.ggml_backend_dev_get(index);
    add(ggml.ggml_backend_dev_buffer_type(device), device);
    add(ggml.ggml_backend_dev_host_buffer_type(device));
  }
  add(ggml.ggml_backend_cpu_buffer_type());
  return found;
}
