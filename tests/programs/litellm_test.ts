import { assertEquals } from "@std/assert";
import { MODEL } from "../clients/tiny_server.ts";
import { LITELLM } from "./programs.ts";
import { testScript } from "./run_script.ts";

testScript(
  LITELLM,
  "completion answers through the APIs of OpenAI, Anthropic and Ollama",
  `import sys
import litellm

for model, path in [
    ("openai/${MODEL}", "/v1"),
    ("anthropic/${MODEL}", ""),
    ("ollama_chat/${MODEL}", ""),
]:
    answer = litellm.completion(
        model=model,
        api_base=sys.argv[1] + path,
        api_key="none",
        messages=[{"role": "user", "content": "What is the capital of Norway?"}],
        temperature=0,
        max_tokens=50,
    )
    print("answer:", answer.choices[0].message.content)
`,
  (lines) =>
    assertEquals(
      // litellm prints hints between the answers.
      lines.filter((line) => line.startsWith("answer:")),
      Array.from({ length: 3 }, () => "answer: The capital of Norway is Oslo."),
    ),
);
