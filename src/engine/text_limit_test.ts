import { assertEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "../errors.ts";
import { checkTextLength } from "./text_limit.ts";

const textOf = (length: number) => ({ text: "a".repeat(length), special: false });

Deno.test("a text of a million characters is tokenized for every model", () => {
  checkTextLength({ contextLength: 1 }, [textOf(2 ** 20)]);
  checkTextLength({ contextLength: 1 }, [textOf(2 ** 20 - 1), { tokens: [1, 2, 3] }, textOf(1)]);
});

Deno.test("a longer text is tokenized for a model with a longer context", () => {
  const contextLength = 2 ** 17;
  checkTextLength({ contextLength }, [textOf(2 ** 21)]);
  const error = assertThrows(
    () => checkTextLength({ contextLength }, [textOf(2 ** 20), textOf(2 ** 20 + 1)]),
    ShimmyError,
    "has 2097153 characters; 2097152 are allowed",
  );
  assertEquals(error.kind, "invalid");
});
