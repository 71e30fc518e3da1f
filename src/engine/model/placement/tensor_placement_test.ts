import { assertEquals } from "@std/assert";
import { expertOverrides, placeTensors, unmatchedOverrides } from "./tensor_placement.ts";

const TENSORS = [
  { name: "token_embd.weight", bytes: 1 },
  { name: "blk.0.attn_q.weight", bytes: 10 },
  { name: "blk.0.ffn_up_exps.weight", bytes: 100 },
  { name: "blk.1.ffn_down_exps.weight", bytes: 1000 },
  { name: "output_norm.weight", bytes: 10_000 },
  { name: "output.weight", bytes: 100_000 },
];
const ON_GPU = new Map([[0, "GPU0"], [1, "GPU0"], [2, "GPU0"]]);

function sums(overrides = expertOverrides(0), layers: ReadonlyMap<number, string> = ON_GPU) {
  const { byDevice, savedBytes } = placeTensors(TENSORS, layers, overrides);
  return [byDevice.get("CPU") ?? 0, byDevice.get("GPU0") ?? 0, savedBytes];
}

Deno.test("tensors go to the device of their layer, input tensors to the CPU", () => {
  assertEquals(sums(), [1, 111_110, 0]);
  assertEquals(sums([], new Map([[0, "CPU"], [1, "CPU"], [2, "GPU0"]])), [1111, 110_000, 0]);
  assertEquals(placeTensors(TENSORS, ON_GPU, []).expertBytes, 1100);
});

Deno.test("all experts, or those of the first layers, stay on the CPU", () => {
  assertEquals(sums(expertOverrides("all")), [1101, 110_010, 1100]);
  assertEquals(sums(expertOverrides(1)), [101, 111_010, 100]);
});

Deno.test("the first matching override applies, also with the buffer of a device", () => {
  assertEquals(
    sums([{ pattern: "attn_q", buffer: "CPU" }, { pattern: "blk", buffer: "GPU0" }]),
    [11, 111_100, 10],
  );
  assertEquals(
    sums([{ pattern: "token_embd", buffer: "GPU0" }]),
    [0, 111_111, 0],
  );
});

Deno.test("a model without an output matrix copies the input matrix to the device", () => {
  const tied = TENSORS.filter(({ name }) => name !== "output.weight");
  const { byDevice } = placeTensors(tied, ON_GPU, []);
  assertEquals([byDevice.get("CPU"), byDevice.get("GPU0")], [1, 11_111]);
});

Deno.test("an unmatched override is noted; expert overrides only if none matches", () => {
  const names = TENSORS.map(({ name }) => name);
  const dense = names.filter((name) => !name.includes("exps"));
  const own = [{ pattern: "attn_q", buffer: "CPU" }, { pattern: "nothing$", buffer: "CPU" }];
  const note = "--override-tensor: no tensor name matches 'nothing$'";
  assertEquals(unmatchedOverrides(names, own), [note]);
  // More layers than there are may be named.
  assertEquals(unmatchedOverrides(names, expertOverrides(9)), []);
  for (const experts of [expertOverrides("all"), expertOverrides(2)]) {
    assertEquals(unmatchedOverrides(dense, [...experts, ...own]), [
      "--cpu-moe and --n-cpu-moe have no effect: the model has no experts in these layers",
      note,
    ]);
  }
});
