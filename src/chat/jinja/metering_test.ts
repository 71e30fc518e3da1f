import { assertEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "../../errors.ts";
import { loadTemplate } from "./template.ts";

/** Templates that need much more time or memory than their length suggests. */
const HOSTILE: Readonly<Record<string, string>> = {
  "nested loops":
    "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
  "a macro that calls itself twice":
    "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(40) }}",
  "replace in a loop": "{% set ns = namespace(t='aa') %}{% for i in range(60) %}" +
    "{% set ns.t = ns.t | replace('a', 'aa') %}{% endfor %}",
  "the method replace": "{% set ns = namespace(t='aa') %}{% for i in range(60) %}" +
    "{% set ns.t = ns.t.replace('a', 'aa') %}{% endfor %}",
  "concatenation in a loop": "{% set ns = namespace(t='aa') %}{% for i in range(60) %}" +
    "{% set ns.t = ns.t ~ ns.t %}{% endfor %}",
  "a list that is added to itself": "{% set ns = namespace(t=[1]) %}{% for i in range(60) %}" +
    "{% set ns.t = ns.t + ns.t %}{% endfor %}",
  "a list that contains itself twice": "{% set ns = namespace(t=[1]) %}{% for i in range(60) %}" +
    "{% set ns.t = [ns.t, ns.t] %}{% endfor %}{{ ns.t | tojson }}",
  "a long separator":
    "{% set ns = namespace(t='a') %}{% for i in range(20) %}{% set ns.t = ns.t ~ ns.t %}" +
    "{% endfor %}{{ range(100000) | join(ns.t) }}",
  "a wide tojson": "{{ [1, [2]] | tojson(indent=100000000) }}",
  "a wide indent": "{{ 'a\\nb' | indent(100000000) }}",
};

for (const [name, source] of Object.entries(HOSTILE)) {
  Deno.test(`a template with ${name} is refused within its budget`, async () => {
    const template = await loadTemplate(source);
    const error = assertThrows(() => template.render({}), ShimmyError, "chat template");
    assertEquals([error.kind, error.field], ["invalid", "messages"]);
  });
}

Deno.test("filters that are counted write the same text", async () => {
  const cases: readonly (readonly [source: string, expected: string])[] = [
    ["{{ 'banana' | replace('a', 'o') }}", "bonono"],
    ["{{ 'banana' | replace('a', 'o', count=1) }}", "bonana"],
    ["{{ 'banana'.replace('a', 'o', 2) }}", "bonona"],
    ["{{ ['a', 1] | join(', ') }}{{ ['a', 'b'] | join }}{{ 'ab' | join('-') }}", "a, 1aba-b"],
    ["{{ ['a', 'b'] | join(separator='+') }}", "a+b"],
    ["{{ {'a': [1]} | tojson(indent=2) }}", '{\n  "a": [\n    1\n  ]\n}'],
    ["{{ 'a\\nb' | indent(2, first=true) }}{{ 'a\\nb' | indent }}", "  a\n  ba\n    b"],
  ];
  for (const [source, expected] of cases) {
    assertEquals((await loadTemplate(source)).render({}), expected, source);
  }
});
