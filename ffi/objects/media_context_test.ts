import { assertEquals, assertThrows } from "@std/assert";
import { MtmdContextParams } from "../generated/structs.ts";
import { NativeError } from "../library/error.ts";
import type { MediaLibrary } from "../library/media_library.ts";
import { MediaContext } from "./media_context.ts";
import type { Model } from "./model.ts";

/** A library that loads no projector, and the parameters with which it was asked to. */
function refusingLibrary() {
  const asked: InstanceType<typeof MtmdContextParams>[] = [];
  const mtmd = {
    mtmd_context_params_default: () => new Uint8Array(MtmdContextParams.SIZE).fill(0xff),
    mtmd_init_from_file: (
      _path: Uint8Array,
      _model: Deno.PointerValue,
      parameters: Uint8Array<ArrayBuffer>,
    ) => {
      asked.push(new MtmdContextParams(parameters.slice()));
      return null;
    },
  };
  return { media: { mtmd } as unknown as MediaLibrary, asked };
}

Deno.test("options of a projector reach the native call", () => {
  const { media, asked } = refusingLibrary();
  for (const useGpu of [true, false]) {
    const options = { path: "mmproj.gguf", useGpu, threads: 3, flashAttention: 1 };
    assertThrows(
      () => MediaContext.open(media, { handle: null } as unknown as Model, options),
      NativeError,
    );
  }
  assertEquals(
    asked.map(({ use_gpu, n_threads, flash_attn_type, print_timings }) => [
      use_gpu,
      n_threads,
      flash_attn_type,
      print_timings,
    ]),
    [[true, 3, 1, false], [false, 3, 1, false]],
  );
});
