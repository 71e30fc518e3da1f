import { assertAlmostEquals, assertEquals } from "@std/assert";
import { tokenLogprobs } from "./logprobs.ts";

const noBytes = () => new Uint8Array();

Deno.test("log probabilities are the logarithm of the softmax", () => {
  const logits = new Float32Array([Math.log(1), Math.log(2), Math.log(5)]);
  const result = tokenLogprobs(logits, 1, 3, noBytes);
  assertAlmostEquals(result.logprob, Math.log(2 / 8), 1e-6);
  assertEquals(result.top.map(({ token }) => token), [2, 1, 0]);
  assertAlmostEquals(result.top[0]!.logprob, Math.log(5 / 8), 1e-6);
});

Deno.test("large logits do not overflow, and banned tokens have probability 0", () => {
  const result = tokenLogprobs(new Float32Array([1000, -Infinity, 1000]), 1, 2, noBytes);
  assertEquals(result.logprob, -Infinity);
  assertAlmostEquals(result.top[0]!.logprob, Math.log(0.5), 1e-6);
  assertEquals(result.top.map(({ token }) => token), [0, 2]);
});

Deno.test("no alternatives are reported if none are requested", () => {
  assertEquals(tokenLogprobs(new Float32Array([1, 2]), 0, 0, noBytes).top, []);
});
