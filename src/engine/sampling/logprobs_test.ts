import { assertAlmostEquals, assertEquals } from "@std/assert";
import { sampledLogprobs, tokenLogprobs } from "./logprobs.ts";

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

Deno.test("log probabilities after the samplers are those of the candidates that are left", () => {
  const left = [{ token: 4, probability: 0.25 }, { token: 9, probability: 0.75 }];
  const result = sampledLogprobs(left, 4, 5, noBytes);
  assertAlmostEquals(result.logprob, Math.log(0.25), 1e-9);
  assertEquals(result.top.map(({ token }) => token), [9, 4]);
  // A greedy sampler computes no probabilities.
  const greedy = sampledLogprobs([], 4, 5, noBytes);
  assertEquals([greedy.logprob, greedy.top], [0, [{ token: 4, bytes: [], logprob: 0 }]]);
});

Deno.test("no alternatives are reported if none are requested", () => {
  assertEquals(tokenLogprobs(new Float32Array([1, 2]), 0, 0, noBytes).top, []);
});
