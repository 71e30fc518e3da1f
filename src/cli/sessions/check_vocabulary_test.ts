import { assertEquals, assertRejects } from "@std/assert";
import { buildModel } from "../../../tests/models/build_gguf.ts";
import { Machine } from "../../../tests/models/machine.ts";
import { ShimmyError } from "../../errors.ts";
import { checkVocabulary } from "./check_vocabulary.ts";

Deno.test("a model with a repeated token is refused in one sentence", async () => {
  using machine = new Machine();
  for (const [name, tokens] of [["good", ["a", "b"]], ["bad", ["a", "b\n", "b\n"]]] as const) {
    machine.write(`work/models/${name}.gguf`, buildModel({ "tokenizer.ggml.tokens": tokens }));
  }
  const [bad, good] = (await machine.discover()).models;
  const error = await assertRejects(() => checkVocabulary(bad!), ShimmyError);
  assertEquals(
    [error.kind, error.message],
    [
      "backend",
      "Cannot load model 'bad': its vocabulary contains the token \"b\\n\" twice",
    ],
  );
  await checkVocabulary(good!);
});
