import type { Library } from "../library/library.ts";
import { locateLibrary } from "../library/locate.ts";
import { releasePages } from "../memory/mapped_files.ts";
import { cString } from "../memory/memory.ts";
import type { Context } from "./context.ts";

const GGML_FUNCTIONS = {
  // (const struct ggml_cgraph * graph, const char * name)
  ggml_graph_get_tensor: { parameters: ["pointer", "buffer"], result: "pointer" },
  ggml_get_data: { parameters: ["pointer"], result: "pointer" },
  ggml_nbytes: { parameters: ["pointer"], result: "usize" },
} as const satisfies Deno.ForeignLibraryInterface;

/**
 * `llama_graph_reserve` of `src/llama-ext.h`, by its C++ name: it returns a compute graph, in which the
 * tensors of the KV cache can be found. Optional, because the header is not part of the public interface.
 */
const LLAMA_FUNCTIONS = {
  // (struct llama_context *, uint32_t n_tokens, uint32_t n_seqs, uint32_t n_outputs)
  reserve: {
    name: "_Z19llama_graph_reserveP13llama_contextjjj",
    parameters: ["pointer", "u32", "u32", "u32"],
    result: "pointer",
    optional: true,
  },
} as const satisfies Deno.ForeignLibraryInterface;

/**
 * Releases the resident pages of a KV cache that holds no sequence. libllama writes zeros to a whole new
 * cache (`ggml_backend_buffer_clear` in `llama_kv_cache`), which makes it resident. A released page reads
 * as zeros again and becomes resident when a cell in it is written, so the context computes as before.
 *
 * Linux only, and only for a cache in main memory; does nothing elsewhere, and for the tensors of caches
 * with other names.
 *
 * @param layers number of layers of the model
 * @returns released bytes
 */
export function releaseUnusedCells(library: Library, context: Context, layers: number): number {
  if (Deno.build.os !== "linux" || !context.hasMemory) return 0;
  const files = locateLibrary(library.folder, Deno.build.os);
  using stack = new DisposableStack();
  const open = <S extends Deno.ForeignLibraryInterface>(path: string, symbols: S) =>
    stack.adopt(Deno.dlopen(path, symbols), (opened) => opened.close()).symbols;
  const { reserve } = open(files.llama, LLAMA_FUNCTIONS);
  if (reserve === null) return 0;
  const ggml = open(files.ggmlBase, GGML_FUNCTIONS);
  // The same graph that libllama reserves when it creates the context: one token per sequence.
  const rows = context.streams;
  const graph = reserve(context.handle, rows, rows, rows);
  if (graph === null) return 0;
  const ranges: { start: bigint; end: bigint }[] = [];
  for (let layer = 0; layer < layers; layer++) {
    for (const part of ["k", "v"]) {
      const tensor = ggml.ggml_graph_get_tensor(graph, cString(`cache_${part}_l${layer}`));
      if (tensor === null) continue;
      const start = BigInt(Deno.UnsafePointer.value(ggml.ggml_get_data(tensor)));
      ranges.push({ start, end: start + BigInt(ggml.ggml_nbytes(tensor)) });
    }
  }
  return releasePages(ranges);
}
