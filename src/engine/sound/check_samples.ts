import { damagedSound, soundError } from "./check_sound.ts";

/** Minimum seconds of a sound, as of OpenAI's API. Some encoders end the process at a few samples. */
const MIN_SECONDS = 0.1;

/** Maximum of a sample, of which files have 1. The power of larger ones would not be a number. */
const MAX_SAMPLE = 2 ** 15;

/** Samples that are looked at before other work of the thread goes on. */
const PART = 1 << 20;

/**
 * Checks the samples of a sound before its encoder reads them.
 *
 * @param rate samples a second
 * @throws {ShimmyError} `invalid` with the field for a sound that is too short, or has values that are none.
 */
export async function checkSamples(
  samples: Float32Array,
  rate: number,
  field: string,
): Promise<void> {
  const seconds = samples.length / rate;
  if (seconds < MIN_SECONDS) {
    const shown = Math.floor(seconds * 1000) / 1000;
    throw soundError(field, `has ${shown} seconds; at least ${MIN_SECONDS} are needed`);
  }
  for (let start = 0; start < samples.length; start += PART) {
    const part = samples.subarray(start, start + PART);
    // Not a number is not within the limit either.
    if (!part.every((sample) => Math.abs(sample) <= MAX_SAMPLE)) {
      throw damagedSound({ field });
    }
    if (samples.length > PART) await new Promise((resolve) => setTimeout(resolve, 0));
  }
}
