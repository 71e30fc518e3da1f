import { assertRejects } from "@std/assert";
import { ShimmyError } from "../../errors.ts";
import { checkSamples } from "./check_samples.ts";

Deno.test("samples within the limits are accepted", async () => {
  await checkSamples(new Float32Array(1600), 16_000, "file");
  await checkSamples(new Float32Array(3 * 2 ** 20).fill(-1), 16_000, "file");
});

Deno.test("a sound that is too short for encoders is refused", async () => {
  for (const [length, seconds] of [[0, "0"], [1, "0"], [1599, "0.099"]] as const) {
    await assertRejects(
      () => checkSamples(new Float32Array(length), 16_000, "file"),
      ShimmyError,
      `file: the sound has ${seconds} seconds; at least 0.1 are needed`,
    );
  }
});

Deno.test("samples that are no numbers are refused", async () => {
  for (const value of [NaN, Infinity, -1e9]) {
    const samples = new Float32Array(2 * 2 ** 20);
    samples[samples.length - 1] = value;
    await assertRejects(
      () => checkSamples(samples, 16_000, "file"),
      ShimmyError,
      "file: the sound cannot be decoded: its file is damaged",
    );
  }
});
