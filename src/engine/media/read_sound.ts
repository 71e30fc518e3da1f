import type { MediaChunks, MediaContext } from "../../../ffi/mod.ts";
import type { MediaInput } from "../protocol/mod.ts";
import { checkSamples, checkSound, damagedSound } from "../sound/mod.ts";

/** A sound that the encoder can read. Close its chunks. */
export interface ReadSound {
  readonly chunks: MediaChunks;
  readonly samples: number;
  readonly seconds: number;
}

/**
 * Checks a sound, decodes it and prepares it for the encoder, in another thread.
 *
 * @throws {ShimmyError} `invalid` with the field if it must not or cannot be decoded.
 */
export async function readSound(context: MediaContext, sound: MediaInput): Promise<ReadSound> {
  const length = { samples: 0, seconds: 0 };
  const chunks = await context.prepare(await checkSound(sound), {
    checkSamples: (samples, rate) => {
      length.samples = samples.length;
      length.seconds = samples.length / rate;
      return checkSamples(samples, rate, sound.field);
    },
  });
  if (chunks === null) throw damagedSound(sound);
  return { chunks, ...length };
}
