import { assert, assertEquals } from "@std/assert";
import { GGML_BASE_SYMBOLS } from "./generated/ggml_symbols.ts";
import { LLAMA_SYMBOLS } from "./generated/llama_symbols.ts";
import { LLAMA_ROPE_TYPE, LLAMA_VOCAB_TYPE } from "./generated/enums.ts";
import { LLAMA_DEFAULT_SEED, LLAMA_TOKEN_NULL } from "./generated/constants.ts";
import {
  GgufInitParams,
  LlamaBatch,
  LlamaContextParams,
  LlamaModelParams,
  LlamaOptParams,
  LlamaPerfContextData,
  STRUCTS,
} from "./generated/structs.ts";
import { fieldSize } from "./memory/struct.ts";

const SIZES: Readonly<Record<string, number>> = { bool: 1, i8: 1, i32: 4, u32: 4, f32: 4 };

/** Member offsets and size of a struct passed by value, by the rules of C. */
function layOut(members: readonly Deno.NativeType[]): number[] {
  let end = 0;
  let align = 1;
  const offsets = members.map((member) => {
    const size = SIZES[member as string] ?? 8;
    align = Math.max(align, size);
    const offset = Math.ceil(end / size) * size;
    end = offset + size;
    return offset;
  });
  return [...offsets, Math.ceil(end / align) * align];
}

Deno.test("a struct passed by value has the layout of its class", () => {
  const { parameters } = LLAMA_SYMBOLS.llama_init_from_model;
  const pairs = [
    [LLAMA_SYMBOLS.llama_decode.parameters[1], LlamaBatch],
    [LLAMA_SYMBOLS.llama_model_default_params.result, LlamaModelParams],
    [parameters[1], LlamaContextParams],
    [LLAMA_SYMBOLS.llama_perf_context.result, LlamaPerfContextData],
    [LLAMA_SYMBOLS.llama_opt_init.parameters[2], LlamaOptParams],
    [GGML_BASE_SYMBOLS.gguf_init_from_file.parameters[1], GgufInitParams],
  ] as const;
  for (const [{ struct }, { NAME, SIZE, FIELDS }] of pairs) {
    const offsets = Object.values(FIELDS).map((field) => field.offset);
    assertEquals(layOut(struct), [...offsets, SIZE], NAME);
  }
});

Deno.test("fields of a struct lie inside it", () => {
  for (const { NAME, SIZE, FIELDS } of STRUCTS) {
    for (const field of Object.values(FIELDS)) {
      assert(field.offset + fieldSize(field) <= SIZE, NAME);
    }
  }
});

Deno.test("struct sizes match libllama 0.5.0", () => {
  assertEquals([LlamaModelParams.SIZE, LlamaContextParams.SIZE, LlamaBatch.SIZE], [80, 160, 56]);
});

Deno.test("enums and constants have the values of the headers, including references", () => {
  assertEquals(LLAMA_VOCAB_TYPE.BPE, 2);
  assertEquals(LLAMA_ROPE_TYPE.IMROPE, 40);
  assertEquals(LLAMA_DEFAULT_SEED, 0xffffffff);
  assertEquals(LLAMA_TOKEN_NULL, -1);
});

Deno.test("64-bit results are bound as 64 bits, handles as pointers, caller memory as buffers", () => {
  assertEquals(LLAMA_SYMBOLS.llama_model_size.result, "u64");
  assertEquals(LLAMA_SYMBOLS.llama_state_get_size.result, "usize");
  assertEquals(LLAMA_SYMBOLS.llama_sampler_chain_add.parameters, ["pointer", "pointer"]);
  assertEquals(LLAMA_SYMBOLS.llama_tokenize.parameters, [
    "pointer",
    "buffer",
    "i32",
    "buffer",
    "i32",
    "bool",
    "bool",
  ]);
});
