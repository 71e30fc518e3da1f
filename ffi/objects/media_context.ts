import {
  MtmdContextParams,
  MtmdHelperBitmapWrapper,
  MtmdHelperInitOpt,
  MtmdInputPart,
} from "../generated/structs.ts";
import { NativeError } from "../library/error.ts";
import type { MediaLibrary } from "../library/media_library.ts";
import { address, bytesAt, cString, floatsAt, PointerArray, pointerAt } from "../memory/memory.ts";
import { MediaChunks } from "./media_chunks.ts";
import type { Model } from "./model.ts";

/** Options of a projector. */
export interface MediaOptions {
  /** The file of the projector and its encoders. */
  readonly path: string;
  /** Whether a GPU computes the encoders. */
  readonly useGpu: boolean;
  readonly threads: number;
  /** `LLAMA_FLASH_ATTN_TYPE`. */
  readonly flashAttention: number;
}

/**
 * A folder that cannot exist. libmtmd hands bytes that are neither an image nor a sound to ffmpeg, which it
 * then looks for here.
 */
const NO_PROGRAMS = Deno.build.os === "windows" ? "NUL\\none" : "/dev/null/none";

/** The pixels of a decoded image, three bytes each, by rows. */
export interface DecodedPixels {
  readonly data: Uint8Array<ArrayBuffer>;
  readonly width: number;
  readonly height: number;
}

/** What sees a decoded file before the encoder does. Errors pass through. */
export interface DecodedHooks {
  /** Receives the samples of a sound and their number a second. */
  readonly checkSamples?: (samples: Float32Array, rate: number) => Promise<void>;
  /** Returns other pixels for those of an image, which live as long as the promise. */
  readonly replacePixels?: (pixels: DecodedPixels) => Promise<DecodedPixels>;
}

/** Encoders of images and audio for one model. Close it before its model. */
export class MediaContext implements Disposable {
  readonly #media: MediaLibrary;
  #handle: Deno.PointerValue;
  /** Values of an embedding. */
  readonly width: number;
  /** Whether the model reads images. */
  readonly vision: boolean;
  /** Whether the model reads audio. */
  readonly audio: boolean;
  /** Whether the positions of an image have several dimensions. */
  readonly usesMrope: boolean;
  readonly #options = new MtmdHelperInitOpt();
  readonly #keepAlive: unknown;
  /** What other threads read. */
  readonly #inUse = new Set<unknown>();

  private constructor(media: MediaLibrary, handle: Deno.PointerObject, width: number) {
    const { mtmd } = media;
    this.#media = media;
    this.#handle = handle;
    this.width = width;
    this.vision = mtmd.mtmd_support_vision(handle);
    this.audio = mtmd.mtmd_support_audio(handle);
    this.usesMrope = mtmd.mtmd_decode_use_mrope(handle);
    this.#options = new MtmdHelperInitOpt(
      mtmd.mtmd_helper_init_opt_default() as Uint8Array<ArrayBuffer>,
    );
    const folder = cString(NO_PROGRAMS);
    this.#options.video_params.ffmpeg_bin_dir = address(folder);
    this.#keepAlive = folder;
  }

  /**
   * Loads a projector for a model.
   *
   * @throws {NativeError} if the file is not one, or is for another model; the reason is only in the log.
   */
  static open(media: MediaLibrary, model: Model, options: MediaOptions): MediaContext {
    const { mtmd } = media;
    const parameters = new MtmdContextParams(
      mtmd.mtmd_context_params_default() as Uint8Array<ArrayBuffer>,
    );
    parameters.use_gpu = options.useGpu;
    parameters.n_threads = options.threads;
    parameters.flash_attn_type = options.flashAttention;
    parameters.print_timings = false;
    // Takes the memory for intermediate results of a GPU now, so that no context takes it.
    parameters.warmup = options.useGpu;
    const handle = mtmd.mtmd_init_from_file(
      cString(options.path),
      model.handle,
      parameters.bytes,
    );
    if (handle === null) {
      throw new NativeError("mtmd_init_from_file", null, "The projector cannot be loaded");
    }
    return new MediaContext(media, handle, model.embeddingInputLength);
  }

  get #open(): Deno.PointerObject {
    if (this.#handle === null) throw new Error("Cannot use the projector: it is closed");
    return this.#handle;
  }

  /**
   * The chunks of an image of a size, without its pixels: they tell its rows and cannot be encoded. Computed in
   * another thread; other calls may run meanwhile.
   *
   * @returns null if the encoder can read no image of that size.
   */
  async measure(width: number, height: number): Promise<MediaChunks | null> {
    return await this.#split(this.#media.mtmd.mtmd_bitmap_init(width, height, null));
  }

  /**
   * Decodes an image or a sound and prepares it for the encoder, in another thread. One call at a time.
   *
   * @param bytes the whole file; the caller keeps it alive
   * @param hooks called with what was decoded
   * @returns null if it cannot be decoded, or holds nothing that the encoder can read.
   */
  async prepare(
    bytes: Uint8Array<ArrayBuffer>,
    hooks: DecodedHooks = {},
  ): Promise<MediaChunks | null> {
    const decoded = new MtmdHelperBitmapWrapper(
      await this.#media.mtmd.mtmd_helper_bitmap_init_from_buf(
        this.#open,
        bytes,
        BigInt(bytes.length),
        false,
        this.#options.bytes,
      ) as Uint8Array<ArrayBuffer>,
    );
    if (decoded.bitmap === 0n) return null;
    const bitmap = pointerAt(decoded.bitmap);
    const { checkSamples, replacePixels } = hooks;
    const isAudio = this.#media.mtmd.mtmd_bitmap_is_audio(bitmap);
    if (isAudio || replacePixels === undefined) return await this.#split(bitmap, checkSamples);
    return await this.#split(await this.#replaced(bitmap, replacePixels));
  }

  /** A bitmap with other pixels. Frees the first one. */
  async #replaced(
    bitmap: Deno.PointerValue,
    replacePixels: NonNullable<DecodedHooks["replacePixels"]>,
  ): Promise<Deno.PointerValue> {
    const { mtmd } = this.#media;
    try {
      const [width, height] = [mtmd.mtmd_bitmap_get_nx(bitmap), mtmd.mtmd_bitmap_get_ny(bitmap)];
      const pixels = bytesAt(mtmd.mtmd_bitmap_get_data(bitmap)!, 3 * width * height);
      const other = await replacePixels({ data: pixels, width, height });
      return mtmd.mtmd_bitmap_init(other.width, other.height, other.data);
    } finally {
      mtmd.mtmd_bitmap_free(bitmap);
    }
  }

  /** Cuts a bitmap into chunks, and frees it. */
  async #split(
    bitmap: Deno.PointerValue,
    checkSamples?: DecodedHooks["checkSamples"],
  ): Promise<MediaChunks | null> {
    const { mtmd } = this.#media;
    const part = new MtmdInputPart();
    part.bitmap = Deno.UnsafePointer.value(bitmap);
    const parts = new PointerArray([part.bytes]);
    const chunks = mtmd.mtmd_input_chunks_init()!;
    let cut: MediaChunks | null = null;
    this.#inUse.add(parts);
    try {
      if (mtmd.mtmd_bitmap_is_audio(bitmap)) await checkSamples?.(...this.#samples(bitmap));
      const code = await mtmd.mtmd_tokenize_from_parts(this.#open, chunks, parts.bytes, 1n, false);
      if (code === 0) {
        const isNonCausal = (chunk: Deno.PointerValue) =>
          mtmd.mtmd_decode_use_non_causal(this.#open, chunk);
        cut = new MediaChunks(this.#media, chunks, isNonCausal);
      }
      return cut;
    } finally {
      this.#inUse.delete(parts);
      mtmd.mtmd_bitmap_free(bitmap);
      if (cut === null) mtmd.mtmd_input_chunks_free(chunks);
    }
  }

  /** The samples of a sound, which live as long as it, and their number a second. */
  #samples(bitmap: Deno.PointerValue): [Float32Array, number] {
    const { mtmd } = this.#media;
    const data = mtmd.mtmd_bitmap_get_data(bitmap);
    const samples = data === null
      ? new Float32Array()
      : floatsAt(data, mtmd.mtmd_bitmap_get_nx(bitmap));
    return [samples, mtmd.mtmd_get_audio_sample_rate(this.#open)];
  }

  /**
   * Computes the embeddings of a chunk with rows, in another thread. One call at a time.
   *
   * @throws {NativeError} if the encoder fails.
   */
  async encode(chunks: MediaChunks, index: number): Promise<Float32Array<ArrayBuffer>> {
    const { mtmd } = this.#media;
    const chunk = chunks.list[index];
    if (chunk?.type !== "rows") throw new RangeError(`Chunk ${index} has no rows`);
    const code = await mtmd.mtmd_encode_chunk(this.#open, chunks.chunk(index));
    const rows = code === 0 ? mtmd.mtmd_get_output_embd(this.#open) : null;
    if (rows === null) {
      throw new NativeError("mtmd_encode_chunk", code, "The encoder failed to compute");
    }
    return floatsAt(rows, chunk.rows * this.width).slice();
  }

  close(): void {
    if (this.#handle === null) return;
    this.#media.mtmd.mtmd_free(this.#handle);
    this.#handle = null;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
