import { assertEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "../../../../errors.ts";
import { renderTemplate } from "./prompt_template.ts";

const VALUES = { System: "S", Prompt: "P", Suffix: "" };

const RENDERED: readonly (readonly [template: string, prompt: string])[] = [
  ["{{ .Prompt }}", "P"],
  ["{{.System}} / {{ .Prompt }}", "S / P"],
  ["a {{- .Prompt -}} b", "aPb"],
  ["{{ if .System }}<s>{{ .System }}</s>\n{{ end }}{{ .Prompt }}\n", "<s>S</s>\nP\n"],
  ["{{ if .Suffix }}fill{{ else }}chat {{ .Prompt }}{{ end }}", "chat P"],
  ["{{ if .Suffix }}a{{ else if .Prompt }}b{{ else }}c{{ end }}", "b"],
  ["{{ if .System }}{{ if .Suffix }}a{{ end }}b{{ end }}", "b"],
  ["{{/* note */}}{{ .Prompt }}</u>{{ .Response }}</a>", "P</u>"],
  ["{{/* }} {{ .Tools }} */ -}} {{ .Prompt }}", "P"],
  ["{{ .System }} {{- .Prompt }}", "SP"],
  ["{{ .System -}} {{ .Prompt }} {{ end", "SP {{ end"],
  ["no field", "no field"],
];

for (const [template, prompt] of RENDERED) {
  Deno.test(`${JSON.stringify(template)} renders ${JSON.stringify(prompt)}`, () => {
    assertEquals(renderTemplate(template, VALUES), prompt);
  });
}

for (
  const template of [
    "{{ range .Messages }}{{ end }}",
    "{{ .Tools }}",
    "{{ end }}",
    "{{ else }}",
    "{{ if .Prompt }}",
    "{{ if eq .Prompt 1 }}{{ end }}",
  ]
) {
  Deno.test(`${template} is refused`, () => {
    const error = assertThrows(() => renderTemplate(template, VALUES), ShimmyError);
    assertEquals(error.field, "template");
  });
}

const HUGE = 2_000_000;

/** Texts that an expression for actions would read in a time that is the square or more of their length. */
const SLOW: Readonly<Record<string, string>> = {
  "spaces": " ".repeat(HUGE),
  "openings": "{{".repeat(HUGE),
  "openings with spaces": `{{${" ".repeat(1_000)}`.repeat(2_000),
  "openings of comments": "{{/*".repeat(HUGE),
};

for (const [name, template] of Object.entries(SLOW)) {
  Deno.test(`a template of millions of ${name} is a text`, () => {
    assertEquals(renderTemplate(template, VALUES), template);
  });
}

Deno.test("conditions can be nested deep", () => {
  const depth = 200_000;
  const template = "{{if .Suffix}}".repeat(depth) + "a" + "{{end}}".repeat(depth) + "b";
  assertEquals(renderTemplate(template, VALUES), "b");
});

Deno.test("a prompt that a template makes too long is refused", () => {
  const values = { ...VALUES, Prompt: "x".repeat(2 ** 20) };
  const error = assertThrows(
    () => renderTemplate("{{.Prompt}}".repeat(1_000), values),
    ShimmyError,
    "template: the prompt is longer than 33554432 characters",
  );
  assertEquals(error.kind, "invalid");
});
