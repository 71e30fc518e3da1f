import { assertEquals } from "@std/assert";
import { MODEL } from "../clients/tiny_server.ts";
import { LLAMA_INDEX } from "./programs.ts";
import { testScript } from "./run_script.ts";

testScript(
  LLAMA_INDEX,
  "OpenAILike answers and streams",
  `import sys
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike

model = OpenAILike(
    model="${MODEL}",
    api_base=sys.argv[1] + "/v1",
    api_key="none",
    context_window=1024,
    is_chat_model=True,
    temperature=0,
)


def ask(country):
    return [ChatMessage(role="user", content=f"What is the capital of {country}?")]


print(model.chat(ask("Norway")).message.content)
print("".join(chunk.delta or "" for chunk in model.stream_chat(ask("Spain"))))
`,
  (lines) =>
    assertEquals(lines, ["The capital of Norway is Oslo.", "The capital of Spain is Madrid."]),
);
