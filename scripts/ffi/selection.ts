import type { Declarations } from "./c_declarations.ts";

/** Headers in the order in which they include each other. */
export const HEADERS = [
  "ggml/include/ggml.h",
  "ggml/include/ggml-backend.h",
  "ggml/include/ggml-cpu.h",
  "ggml/include/ggml-opt.h",
  "ggml/include/ggml-rpc.h",
  "ggml/include/gguf.h",
  "include/llama.h",
  "tools/mtmd/mtmd.h",
  "tools/mtmd/mtmd-helper.h",
] as const;

/** The headers that a C program includes to see all of {@linkcode HEADERS}. */
export const INCLUDED = ["llama.h", "ggml-rpc.h", "mtmd.h", "mtmd-helper.h"] as const;

/** Bound functions of libmtmd: those that images and audio in prompts need. */
const MTMD_FUNCTIONS =
  /^mtmd_(context_params_default|init_from_file|free|decode_use_(non_causal|mrope)|support_(vision|audio)|get_audio_sample_rate|bitmap_(init|init_from_audio|free|get_n[xy]|get_n_bytes|get_data|is_audio)|tokenize_from_parts|input_chunks_(init|size|get|free)|input_chunk_(get_type|get_tokens_text|get_tokens_image|get_n_tokens|get_n_pos|copy|free)|image_tokens_get_decoder_pos|encode_chunk|get_output_embd|get_cap_from_file|helper_(log_set|video_init_params_default|init_opt_default|bitmap_init_from_buf))$/;

const MTMD_STRUCTS =
  /^mtmd_(context_params|input_text|input_part|decoder_pos|caps|helper_(bitmap_wrapper|init_opt|video_init_params))$/;

/**
 * Bound functions of ggml by the library that exports them, because Windows finds a symbol only in
 * its library.
 */
export const GGML_FUNCTIONS: {
  readonly [table: string]: { readonly note: string; readonly names: readonly RegExp[] };
} = {
  GGML_BASE_SYMBOLS: {
    note: "Exported by libggml-base.",
    names: [
      /^ggml_(version|commit|log_get|log_set)$/,
      /^ggml_(type_name|type_size|blck_size|row_size|is_quantized|status_to_string)$/,
      /^ggml_threadpool_params_(init|match)$/,
      /^ggml_backend_dev_(name|description|memory|type|get_props|backend_reg|(host_)?buffer_type)$/,
      /^ggml_backend_reg_(name|dev_count|dev_get|get_proc_address)$/,
      /^ggml_backend_buft_(name|get_alignment|get_max_size|is_host|get_device)$/,
      /^ggml_backend_cpu_buffer_type$/,
      /^gguf_(init_from_file|init_from_buffer|free|type_name)$/,
      /^gguf_(get|find)_(?!meta_)/,
    ],
  },
  GGML_REGISTRY_SYMBOLS: {
    note: "Exported by libggml, which knows the backends.",
    names: [
      /^ggml_backend_(register|load|unload|load_all|load_all_from_path)$/,
      /^ggml_backend_reg_(count|get|by_name)$/,
      /^ggml_backend_dev_(count|get|by_name|by_type)$/,
    ],
  },
  GGML_CPU_SYMBOLS: {
    note: "In the CPU backend, which is chosen when it is loaded: found through " +
      "`ggml_backend_reg_get_proc_address`.",
    names: [/^ggml_threadpool_(new|free)$/],
  },
  GGML_RPC_SYMBOLS: {
    note: "In the RPC backend: found through `ggml_backend_reg_get_proc_address`.",
    names: [/^ggml_backend_rpc_(add_server|start_server)$/],
  },
};

/** Structs of ggml that callers fill or read. All structs of llama.h are bound. */
const GGML_STRUCTS =
  /^(ggml_threadpool_params|ggml_backend_dev_caps|ggml_backend_dev_props|ggml_backend_feature|gguf_init_params)$/;

/** Enums of ggml and libmtmd used by the bound functions and structs. All enums of llama.h are bound. */
const GGML_ENUMS =
  /^(ggml_status|ggml_type|ggml_log_level|ggml_sched_priority|ggml_backend_dev_type|ggml_numa_strategy|ggml_opt_optimizer_type|gguf_type|mtmd_input_chunk_type)$/;

const CONSTANTS = /^(LLAMA_|GGUF_|GGML_ROPE_TYPE_|GGML_MAX_|GGML_RPC_|RPC_PROTO_)/;

const LLAMA = "include/llama.h";

/** Names of the functions of llama.h. */
export function llamaFunctions(found: Declarations): string[] {
  return [...found.functions.keys()].filter((name) => found.origin.get(name) === LLAMA);
}

/** Names of the bound functions of libmtmd, in header order. */
export function mtmdFunctions(found: Declarations): string[] {
  return [...found.functions.keys()].filter((name) => MTMD_FUNCTIONS.test(name));
}

/** Names of the functions of a table of {@linkcode GGML_FUNCTIONS}, in header order. */
export function ggmlFunctions(found: Declarations, table: string): string[] {
  const patterns = GGML_FUNCTIONS[table]!.names;
  return [...found.functions.keys()].filter((name) => patterns.some((one) => one.test(name)));
}

export function boundStructs(found: Declarations): string[] {
  return [...found.structs.keys()].filter((tag) =>
    found.origin.get(tag) === LLAMA || GGML_STRUCTS.test(tag) || MTMD_STRUCTS.test(tag)
  );
}

export function boundEnums(found: Declarations): string[] {
  return [...found.enums.keys()].filter((tag) =>
    found.origin.get(tag) === LLAMA || GGML_ENUMS.test(tag)
  );
}

export function boundConstants(found: Declarations): string[] {
  return [...found.constants.keys()].filter((name) => CONSTANTS.test(name));
}

/**
 * Structs with a definition in the headers that callers use only through pointers, which are passed
 * as handles.
 */
export const OPAQUE: ReadonlySet<string> = new Set(["llama_sampler", "ggml_tensor"]);
