import type { Library } from "../library/library.ts";
import { cString, readCString } from "../memory/memory.ts";

/** `struct ggml_backend_feature`: the addresses of a name and a value. */
const FEATURE_BYTES = 16;
/** `ggml_backend_get_features_t` of ggml-backend.h. */
const GET_FEATURES = { parameters: ["pointer"], result: "pointer" } as const;

/**
 * Features that the loaded CPU backend uses, such as `AVX512` or `AMX_INT8`, with their values. Empty if
 * the backend does not tell them.
 */
export function cpuFeatures({ ggml }: Library): ReadonlyMap<string, string> {
  const features = new Map<string, string>();
  const backend = ggml.ggml_backend_reg_by_name(cString("CPU"));
  const found = backend &&
    ggml.ggml_backend_reg_get_proc_address(backend, cString("ggml_backend_get_features"));
  if (!found) return features;
  const get = new Deno.UnsafeFnPointer(
    found as Deno.PointerObject<typeof GET_FEATURES>,
    GET_FEATURES,
  );
  const first = get.call(backend);
  if (first === null) return features;
  const view = new Deno.UnsafePointerView(first);
  // The list ends with a feature without a name.
  for (let offset = 0;; offset += FEATURE_BYTES) {
    const name = readCString(view.getPointer(offset));
    if (name === null) return features;
    features.set(name, readCString(view.getPointer(offset + FEATURE_BYTES / 2)) ?? "");
  }
}
