import { assertEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "../../errors.ts";
import { loadTemplate } from "./template.ts";

async function render(source: string, variables: Record<string, unknown> = {}): Promise<string> {
  return (await loadTemplate(source)).render(variables);
}

Deno.test("a loop over nothing is empty", async () => {
  assertEquals(await render("{% for x in xs %}{{ x }}{% else %}none{% endfor %}"), "none");
  assertEquals(await render("{% for x in xs if x %}{{ x }}{% endfor %}", { xs: null }), "");
});

Deno.test("tuples in lists are unpacked", async () => {
  assertEquals(await render("{% for a, b in [(1, 2), (3, 4)] %}{{ a + b }},{% endfor %}"), "3,7,");
});

Deno.test("numbers as keys stay numbers", async () => {
  const source = "{% set d = {512: 'a', 0: 'b'} %}{% for k, v in d | dictsort %}" +
    "{{ v if k <= 100 else '-' }}{% endfor %}{% for k, v in d.items() %}{{ k + 1 }}{% endfor %}" +
    "{% for k in d %}{{ k * 2 }}{% endfor %}";
  assertEquals(await render(source), "b-513110240");
});

Deno.test("values are converted to text as in Python", async () => {
  const value = { a: [1, 2.5, "it's", true, null], b: {} };
  assertEquals(
    await render("{{ v | string }}", { v: value }),
    `{'a': [1, 2.5, "it's", True, None], 'b': {}}`,
  );
  assertEquals(await render("{{ x | string }}{{ 1 | string }}{{ 's' | string }}"), "1s");
});

Deno.test("length counts characters, items and members, undefined as 0", async () => {
  const source = "{{ t | length }} {{ l | length }} {{ d | count }} {{ none_such | length }}";
  assertEquals(await render(source, { t: "a👋", l: [1], d: { a: 1, b: 2 } }), "2 1 2 0");
});

Deno.test("min and max work", async () => {
  assertEquals(await render("{{ [3, 1, 2] | min }}{{ [3, 1, 2] | max }}"), "13");
  assertEquals(await render("{{ ['b', 'a'] | min }}{{ [] | max }}"), "a");
});

Deno.test("strip removes the given characters", async () => {
  assertEquals(await render("[{{ t.lstrip('\\n') }}]", { t: "\n  a\n" }), "[  a\n]");
  assertEquals(await render("[{{ t.rstrip() }}]", { t: " a \n" }), "[ a]");
  assertEquals(await render("[{{ t.strip('xy') }}]", { t: "xyaxby" }), "[axb]");
});

Deno.test("format fills empty, numbered and named fields", async () => {
  assertEquals(await render("{{ '<{}{}>'.format('a', 1) }}"), "<a1>");
  assertEquals(await render("{{ '{1}{0}{{}}{n}'.format('a', 'b', n=true) }}"), "ba{}True");
  const template = await loadTemplate("{{ '{}{}'.format('a') }}");
  assertThrows(() => template.render({}), ShimmyError, "no argument");
});

Deno.test("append and pop work for lists and dictionaries", async () => {
  const source = "{% set q = [] %}{% set _ = q.append('a') %}{% set _ = q.append('b') %}" +
    "{{ q.pop(0) }}{{ q.pop() }}{{ q | length }}{{ d.pop('k') }}{{ d | length }}";
  assertEquals(await render(source, { d: { k: "v" } }), "ab0v0");
});

Deno.test("string methods search, count, cut and join", async () => {
  const source = "{{ 'abcabc'.find('c') }}{{ 'abcabc'.count('bc') }}{{ '12'.isdigit() }} " +
    "{{ 'abc'.removeprefix('a') }}{{ 'abc'.removesuffix('c') }}{{ '-'.join(['a', 'b']) }}" +
    "{{ 'a\\nb'.splitlines() | length }}";
  assertEquals(await render(source), "22true bcaba-b2");
});

Deno.test("list filters treat undefined as an empty list", async () => {
  const source = "{{ xs | selectattr('a') | list | length }}{{ xs | map(attribute='a') | list }}";
  assertEquals(await render(source, { xs: null }), "0[]");
});

Deno.test("filters of text take any value, and nothing for an undefined one", async () => {
  const source = "[{{ d.none_such | trim }}{{ none_such | upper }}] {{ none | lower }} " +
    "{{ 7 | trim }} {{ ' a ' | trim }} {{ ['x'] | upper }}";
  assertEquals(await render(source, { d: {} }), "[] none 7 a ['X']");
  const description = "{% for d in ds %}{{ ': ' + d.description|trim }}{% endfor %}";
  assertEquals(await render(description, { ds: [{ description: " b " }, {}] }), ": b: ");
});
