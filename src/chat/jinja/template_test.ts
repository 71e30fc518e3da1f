import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "../../errors.ts";
import { loadTemplate } from "./template.ts";

Deno.test("blocks leave neither their newline nor their indentation, as in Hugging Face", async () => {
  const template = await loadTemplate(
    "{% for x in xs %}\n  {% if x %}\n{{ x }}\n  {% endif %}\n{% endfor %}end\n",
  );
  assertEquals(template.render({ xs: [1, 0, 2] }), "1\n2\nend");
});

Deno.test("a template's refusal is an invalid request with its message", async () => {
  const template = await loadTemplate("{{ raise_exception('Roles must alternate') }}");
  const error = assertThrows(() => template.render({}), ShimmyError, "Roles must alternate");
  assertEquals([error.kind, error.field], ["invalid", "messages"]);
});

Deno.test("a template that cannot be parsed is a backend error", async () => {
  const error = await assertRejects(() => loadTemplate("{% if %}"), ShimmyError);
  assertEquals(error.kind, "backend");
});

Deno.test("templates have the current date and Python's range", async () => {
  const template = await loadTemplate("{{ strftime_now('%Y') }} {{ range(1, 7, 2) | join(',') }}");
  assertEquals(template.render({}), `${new Date().getFullYear()} 1,3,5`);
});

Deno.test("an endless range is refused", async () => {
  const template = await loadTemplate("{% for i in range(10000000) %}x{% endfor %}");
  assertThrows(() => template.render({}), ShimmyError, "too long");
});

Deno.test("a template is parsed once", async () => {
  assertStrictEquals(await loadTemplate("{{ a }}"), await loadTemplate("{{ a }}"));
});
