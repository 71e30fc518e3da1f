import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../options/mod.ts";
import { chooseModel } from "./choose_model.ts";

function listed(name: string, change: Partial<Parameters<typeof chooseModel>[0][number]> = {}) {
  return {
    name,
    state: "unloaded",
    kind: "language",
    source: "folder",
    context_length: 1024,
    ...change,
  };
}

const builtin = listed("tiny", { source: "builtin" });
const encoder = listed("bge", { kind: "embedding", state: "loaded" });

Deno.test("a client uses the loaded language model", () => {
  const models = [encoder, listed("a"), listed("b", { state: "loaded" }), builtin];
  assertEquals(chooseModel(models).name, "b");
});

Deno.test("a client uses the only language model, and the built-in one when there is no other", () => {
  assertEquals(chooseModel([builtin, encoder, listed("a")]).name, "a");
  assertEquals(chooseModel([{ ...builtin, state: "loaded" }, encoder]).name, "tiny");
});

Deno.test("several models need a choice of the user", () => {
  assertThrows(
    () => chooseModel([listed("a"), listed("b"), builtin]),
    UsageError,
    "--model: must be one of a, b, tiny; none is loaded",
  );
  assertThrows(() => chooseModel([encoder]), UsageError, "the server has no language model");
});
