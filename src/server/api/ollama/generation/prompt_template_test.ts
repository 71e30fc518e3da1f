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
