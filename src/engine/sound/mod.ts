/** Sound files before they are decoded: format, length and limits. */
export { checkSound, damagedSound, readSoundFile, soundFormat } from "./check_sound.ts";
export { checkSamples } from "./check_samples.ts";
