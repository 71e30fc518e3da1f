import { assertEquals, assertMatch } from "@std/assert";
import { ShimmyError } from "../../errors.ts";
import { explain } from "./explain.ts";

const failure = new ShimmyError("backend", "The model cannot be loaded", {
  detail: "/models/x.gguf\nand much more",
  cause: new Error("no memory", { cause: new ShimmyError("backend", "deep", { detail: "down" }) }),
});

Deno.test("an error message is one line", () => {
  assertEquals(explain(failure, false), "The model cannot be loaded: /models/x.gguf");
  assertEquals(explain(new Error("one\ntwo"), false), "one");
  assertEquals(explain("text", false), "text");
});

Deno.test("verbose adds the causes", () => {
  assertEquals(
    explain(failure, true),
    [
      "The model cannot be loaded",
      "/models/x.gguf\nand much more",
      "caused by: no memory",
      "caused by: deep: down",
    ].join("\n"),
  );
});

Deno.test("verbose adds the stack of a defect", () => {
  assertMatch(explain(new TypeError("oops"), true), /^oops\nTypeError: oops\n {4}at /);
});
