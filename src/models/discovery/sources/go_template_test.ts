import { assert, assertEquals } from "@std/assert";
import { loadTemplate } from "../../../chat/jinja/mod.ts";
import { translateTemplate } from "./go_template.ts";

const CONVERSATION = [
  { role: "system", content: "Be brief." },
  { role: "user", content: "Hi" },
  { role: "assistant", content: "Hello" },
  { role: "user", content: "Bye" },
];

async function render(template: string, messages: readonly object[] = CONVERSATION) {
  const source = translateTemplate(template);
  assert(source !== null, template);
  return (await loadTemplate(source)).render({ messages, add_generation_prompt: true });
}

Deno.test("a template of one turn is applied to each turn and ends before the response", async () => {
  const chatml = `{{ if .System }}<|im_start|>system
{{ .System }}<|im_end|>
{{ end }}{{ if .Prompt }}<|im_start|>user
{{ .Prompt }}<|im_end|>
{{ end }}<|im_start|>assistant
{{ .Response }}<|im_end|>
`;
  assertEquals(
    await render(chatml),
    "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n" +
      "<|im_start|>assistant\nHello<|im_end|>\n" +
      "<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n",
  );
  assertEquals(await render("[{{ .Prompt }}] "), "[Hi] Hello[Bye] ");
  assertEquals(await render("a {{- /* note */ -}} b{{ .Prompt }}", [CONVERSATION[1]!]), "abHi");
});

Deno.test("a template of a conversation is applied once", async () => {
  const template = `{{- if .System }}<s>{{ .System }}</s>
{{ end }}
{{- range $i, $_ := .Messages }}
{{- $last := eq (len (slice $.Messages $i)) 1 }}
{{- if eq .Role "user" }}<u>{{ .Content }}</u>
{{ else if and (eq .Role "assistant") (not $last) }}<a>{{ .Content }}</a>
{{ end }}
{{- if and (ne .Role "assistant") $last }}<a>{{ end }}
{{- end }}`;
  assertEquals(
    await render(template),
    "<s>Be brief.</s>\n<u>Hi</u>\n<a>Hello</a>\n<u>Bye</u>\n<a>",
  );
  assertEquals(
    await render('{{ range .Messages }}{{ .Role }}: "{{ .Content }}"\n{{ end }}', [
      CONVERSATION[1]!,
    ]),
    'user: "Hi"\n',
  );
});

Deno.test("a template with other actions is not translated", () => {
  for (
    const template of [
      "{{ if .Tools }}{{ .Tools }}{{ end }}{{ .Prompt }}",
      "{{ range .Messages }}{{ .ToolCalls }}{{ end }}",
      "{{ .Prompt | printf }}",
      "{{ if .Prompt }}",
      "{{ end }}",
      '{{ json .Messages }}{{ eq "a }}',
    ]
  ) {
    assertEquals(translateTemplate(template), null, template);
  }
});
