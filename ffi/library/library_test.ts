import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { join } from "node:path";
import { ShimmyError } from "../../src/errors.ts";
import {
  LLAMA_FLASH_ATTN_TYPE,
  LLAMA_LOAD_MODE,
  LLAMA_POOLING_TYPE,
  LLAMA_SPLIT_MODE,
} from "../generated/enums.ts";
import {
  LlamaContextParams,
  LlamaModelParams,
  LlamaSamplerChainParams,
} from "../generated/structs.ts";
import { LLAMA_VERSION, openLibrary } from "./library.ts";
import { compileLibrary, hasCompiler, realLibraryFolder, withFolder } from "../testing.ts";

const real = await realLibraryFolder();
const compiler = await hasCompiler();
const withLibrary = { ignore: real === null };
const withCompiler = { ignore: !compiler };

Deno.test(
  "the library opens, has the pinned version and all functions",
  withLibrary,
  () => {
    using library = openLibrary(real!);
    assertMatch(library.version, new RegExp(`^${LLAMA_VERSION}(-dev)?$`));
    assertEquals(library.folder, real);
    assertEquals(library.llama.llama_max_devices() > 0n, true);
    assertEquals(library.ggml.ggml_blck_size(2), 32n);
  },
);

Deno.test(
  "returned structs have the defaults of llama.h",
  withLibrary,
  () => {
    using library = openLibrary(real!);
    const model = new LlamaModelParams(library.llama.llama_model_default_params());
    assertEquals(model.n_gpu_layers, -1);
    assertEquals(model.split_mode, LLAMA_SPLIT_MODE.LAYER);
    assertEquals(model.load_mode, LLAMA_LOAD_MODE.AUTO);
    assertEquals([model.use_extra_bufts, model.vocab_only, model.load_mtp], [true, false, false]);
    assertEquals([model.devices, model.progress_callback], [0n, 0n]);

    const context = new LlamaContextParams(library.llama.llama_context_default_params());
    assertEquals([context.n_ctx, context.n_batch, context.n_ubatch], [512, 2048, 512]);
    assertEquals(context.n_seq_max, 1);
    assertEquals(context.pooling_type, LLAMA_POOLING_TYPE.UNSPECIFIED);
    assertEquals(context.flash_attn_type, LLAMA_FLASH_ATTN_TYPE.AUTO);
    assertEquals([context.type_k, context.type_v], [1, 1]);
    assertEquals(context.yarn_ext_factor, -1);
    assertEquals([context.offload_kqv, context.kv_unified], [true, false]);
    assertEquals([context.n_samplers, context.ctx_other], [0n, 0n]);

    const chain = new LlamaSamplerChainParams(library.llama.llama_sampler_chain_default_params());
    assertEquals(chain.no_perf, true);
  },
);

Deno.test("close is idempotent, and use after close throws", withLibrary, () => {
  const library = openLibrary(real!);
  library.close();
  library.close();
  assert(library.closed);
  for (const use of [() => library.llama, () => library.ggml, () => library.noop]) {
    const error = assertThrows(use, ShimmyError);
    assertEquals(error.message, "Cannot use libllama: it is closed");
  }
});

Deno.test(
  "a closed library can be reopened, and two open handles are independent",
  withLibrary,
  () => {
    openLibrary(real!).close();
    using first = openLibrary(real!);
    openLibrary(real!).close();
    assertEquals(first.llama.llama_supports_mmap(), true);
  },
);

Deno.test("a folder without the library is refused", async () => {
  await withFolder((folder) => {
    const error = assertThrows(() => openLibrary(folder), ShimmyError);
    assertEquals(error.kind, "not_found");
  });
});

Deno.test("a file that is not a library is refused", async () => {
  const name = { windows: "llama.dll", darwin: "libllama.dylib" }[Deno.build.os as string] ??
    "libllama.so";
  await withFolder((folder) => {
    Deno.writeTextFileSync(join(folder, name), "not a library");
    const error = assertThrows(() => openLibrary(folder), ShimmyError);
    assertEquals(error.kind, "backend");
    assertEquals(error.message, "Cannot open libllama: the system cannot load it");
    assertMatch(error.detail ?? "", new RegExp(name));
  });
});

Deno.test("a library of another version is refused (needs cc)", withCompiler, async () => {
  await withFolder(async (folder) => {
    await compileLibrary(folder, `const char * llama_version(void) { return "0.4.9"; }`);
    const error = assertThrows(() => openLibrary(folder), ShimmyError);
    assertEquals(error.kind, "backend");
    assertEquals(error.message, "Cannot use libllama 0.4.9: this program needs 0.5.0");
    assert(error.detail?.startsWith(folder));
  });
});

Deno.test("a library without a version function is refused (needs cc)", withCompiler, async () => {
  await withFolder(async (folder) => {
    await compileLibrary(folder, "void llama_backend_init(void) {}");
    const error = assertThrows(() => openLibrary(folder), ShimmyError);
    assertEquals(error.message, "Cannot use libllama unknown: this program needs 0.5.0");
  });
});

Deno.test(
  "a library without a required function is refused by name (needs cc)",
  withCompiler,
  async () => {
    await withFolder(async (folder) => {
      await compileLibrary(folder, `const char * llama_version(void) { return "0.5.0"; }`);
      const error = assertThrows(() => openLibrary(folder), ShimmyError);
      assertEquals(error.kind, "backend");
      assertMatch(error.message, /^Cannot open libllama: it lacks the function gg(ml|uf)_\w+$/);
      assert(error.detail?.startsWith(folder));
    });
  },
);
