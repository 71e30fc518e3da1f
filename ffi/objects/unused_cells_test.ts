import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { fileURLToPath } from "node:url";
import { loadBackends } from "../backends/backends.ts";
import { silenceLogs } from "../backends/logs.ts";
import { openLibrary } from "../library/library.ts";
import { readSystemFile } from "../memory/system_file.ts";
import { realLibraryFolder } from "../testing.ts";
import { Batch } from "./batch.ts";
import type { Context } from "./context.ts";
import { Model } from "./model.ts";
import { releaseUnusedCells } from "./unused_cells.ts";

const TINY = fileURLToPath(new URL("../../src/assets/tiny/shimmy-tiny.gguf", import.meta.url));
/** Keys and values of 4 layers, 2 heads of 64 values each, 16 bits. */
const KV_PER_TOKEN = 4 * 2 * (64 + 64) * 2;
const CELLS = 65_536;

Deno.test({
  name: "unused cells are not resident, and the context computes as before",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    using library = openLibrary((await realLibraryFolder())!);
    silenceLogs(library);
    loadBackends(library);
    library.llama.llama_backend_init();
    using model = Model.load(library, { paths: [TINY], gpuLayers: 0, devices: [] });
    for (const sequences of [1, 2]) {
      using context = model.createContext((parameters) => {
        parameters.n_ctx = CELLS;
        parameters.n_seq_max = sequences;
        parameters.kv_unified = false;
        parameters.n_batch = 64;
        parameters.n_outputs_max = sequences;
        parameters.n_threads = 1;
        parameters.n_threads_batch = 1;
      });
      assertEquals(context.streams, sequences);
      const expected = firstLogits(context);
      context.clear(false);
      const before = residentBytes();
      const released = releaseUnusedCells(library, context, model.layers);
      const bytes = CELLS * KV_PER_TOKEN;
      assertGreater(released, bytes * 0.95);
      assertGreater(before - residentBytes(), bytes * 0.9);
      assertEquals(firstLogits(context), expected);
      assertLess(residentBytes(), before - bytes * 0.8);
    }
  },
});

/** Logits after a prompt of 64 tokens. */
function firstLogits(context: Context): readonly number[] {
  const batch = new Batch(64);
  for (let position = 0; position < 64; position++) {
    batch.add(100 + position, position, 0, position === 63);
  }
  context.decode(batch);
  context.synchronize();
  return [...context.logits(63)];
}

function residentBytes(): number {
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(readSystemFile("/proc/self/status")!)![1]) * 1024;
}
