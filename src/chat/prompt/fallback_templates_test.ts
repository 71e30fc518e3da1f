import { assertEquals } from "@std/assert";
import { fallbackTemplate } from "./fallback_templates.ts";
import { loadTemplate } from "../jinja/template.ts";

function family(controlTokens: string[], name = "") {
  return fallbackTemplate({ controlTokens, metadata: { "general.name": name }, description: "" });
}

const messages = [
  { role: "system", content: "Be brief." },
  { role: "user", content: "Hi" },
  { role: "assistant", content: "Hello" },
  { role: "user", content: "Bye" },
];

async function render(controlTokens: string[], name = ""): Promise<string> {
  const template = await loadTemplate(family(controlTokens, name).template);
  return template.render({ messages, bos_token: "<s>", add_generation_prompt: true });
}

Deno.test("ChatML is chosen by its control tokens", async () => {
  assertEquals(
    await render(["<|im_start|>", "<|im_end|>"]),
    "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n" +
      "<|im_start|>assistant\nHello<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n" +
      "<|im_start|>assistant\n",
  );
});

Deno.test("Llama 3 is chosen by its control tokens", async () => {
  const head = (role: string) => `<|start_header_id|>${role}<|end_header_id|>\n\n`;
  assertEquals(
    await render(["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]),
    `<s>${head("system")}Be brief.<|eot_id|>${head("user")}Hi<|eot_id|>${head("assistant")}` +
      `Hello<|eot_id|>${head("user")}Bye<|eot_id|>${head("assistant")}`,
  );
});

Deno.test("OpenChat is chosen by its control token", async () => {
  assertEquals(
    await render(["<|end_of_turn|>"]),
    "<s>Be brief.<|end_of_turn|>GPT4 Correct User: Hi<|end_of_turn|>GPT4 Correct Assistant: Hello" +
      "<|end_of_turn|>GPT4 Correct User: Bye<|end_of_turn|>GPT4 Correct Assistant:",
  );
});

Deno.test("the model name decides if tokens match several fallbacks or none", () => {
  const both = ["<|im_start|>", "<|im_end|>", "<|end_of_turn|>"];
  assertEquals(family(both, "Hermes 2").name, "chatml");
  assertEquals(family(both, "OpenChat 3.5").name, "openchat");
  assertEquals(family([], "Llama-3-8B").name, "llama3");
});

Deno.test("an unknown model gets plain roles", async () => {
  assertEquals(await render([]), "Be brief.\n\nUser: Hi\nAssistant: Hello\nUser: Bye\nAssistant:");
  assertEquals(family([]).stops, ["\nUser:", "\nAssistant:", "\nSystem:", "\nHuman:"]);
});
