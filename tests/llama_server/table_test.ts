import { assertEquals } from "@std/assert";
import { parseServerArguments } from "./arguments.ts";
import { formatTable, lineOf, readTable, regressions } from "./table.ts";

Deno.test("the launcher knows the arguments of llama-server, and names the others", () => {
  const { values, ignored } = parseServerArguments(
    ["--port", "8080", "--metrics", "-fa", "on", "--lora", "a", "--lora", "b", "--kv-unified"],
  );
  assertEquals([values.port, values["flash-attn"], values.lora, values["kv-unified"]], [
    "8080",
    "on",
    ["a", "b"],
    true,
  ]);
  assertEquals(ignored, ["--metrics"]);
});

const base = { differences: [], failure: "" };

Deno.test("a test that passed and fails now is a regression", () => {
  const passed = lineOf({ ...base, id: "a[x | y]", outcome: "passed" }, []);
  const other = lineOf({ ...base, id: "b", outcome: "passed", differences: ["text"] }, []);
  const text = formatTable([other, passed]);
  assertEquals(text, "pass | a[x | y]\npass adapted | b | text\n");
  const table = readTable(text);
  const failed = lineOf({ ...base, id: "a[x | y]", outcome: "failed", failure: "no | never" }, [
    { test: /^b/, failure: /./, status: "not applicable", reason: "never" },
  ]);
  assertEquals(regressions(table, [failed, other]), [failed]);
  assertEquals(failed, { id: "a[x | y]", status: "fail", reason: "no / never" });
});

Deno.test("a test that did not pass and fails at another assertion is a regression", () => {
  const reasons = [
    { test: /^a/, failure: /^assert x/, status: "not applicable", reason: "no x" },
  ] as const;
  const before = lineOf(
    { ...base, id: "a\n", outcome: "failed", failure: "assert x # 1" },
    reasons,
  );
  assertEquals(before, { id: "a\\n", status: "not applicable", reason: "no x" });
  const table = readTable(formatTable([before]));
  assertEquals(regressions(table, [before]), []);
  const now = lineOf({ ...base, id: "a\n", outcome: "failed", failure: "assert y" }, reasons);
  assertEquals(regressions(table, [now]), [now]);
});
