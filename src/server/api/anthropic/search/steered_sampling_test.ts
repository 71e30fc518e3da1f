import { assertEquals } from "@std/assert";
import { SteeredSampling } from "./steered_sampling.ts";

Deno.test("changes of the sampling become one control for each phase", () => {
  const steered = new SteeredSampling();
  assertEquals(steered.controls, []);
  for (let topK = 1; topK <= 100; topK++) steered.add({ sampling: { topK } });
  steered.add({ sampling: { temperature: 0.5 }, phase: "reasoning" });
  steered.add({ sampling: { topP: 0.9 }, phase: "answer" });
  steered.add({ sampling: { temperature: 0.75 }, phase: "answer" });
  assertEquals(steered.controls, [
    { type: "sampling", sampling: { topK: 100 } },
    { type: "sampling", sampling: { temperature: 0.5 }, phase: "reasoning" },
    { type: "sampling", sampling: { topP: 0.9, temperature: 0.75 }, phase: "answer" },
  ]);
  assertEquals(steered.ofAnswer, { topK: 100, topP: 0.9, temperature: 0.75 });
});

Deno.test("a later change of both phases replaces those of one phase", () => {
  const steered = new SteeredSampling();
  steered.add({ sampling: { temperature: 0.5, topK: 3 }, phase: "reasoning" });
  steered.add({ sampling: { temperature: 0.75 }, phase: "answer" });
  steered.add({ sampling: { temperature: 1 } });
  assertEquals(steered.controls, [
    { type: "sampling", sampling: { temperature: 1 } },
    { type: "sampling", sampling: { topK: 3 }, phase: "reasoning" },
  ]);
  assertEquals(steered.ofAnswer, { temperature: 1 });
});
