import { assertEquals } from "@std/assert";
import { MODEL } from "../clients/tiny_server.ts";
import { LANGCHAIN } from "./programs.ts";
import { testScript } from "./run_script.ts";

testScript(
  LANGCHAIN,
  "ChatOpenAI answers, streams and calls a tool",
  `import sys
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

model = ChatOpenAI(model="${MODEL}", base_url=sys.argv[1] + "/v1", api_key="none", temperature=0)
print(model.invoke("What is the capital of Norway?").content)
print("".join(chunk.content for chunk in model.stream("What is the capital of Spain?")))


@tool
def get_weather(city: str) -> str:
    """Reports the weather of a city."""
    return "sunny"


forced = model.bind_tools([get_weather], tool_choice="get_weather")
call = forced.invoke("What is the weather in Paris?").tool_calls[0]
print(call["name"], sorted(call["args"]))
`,
  (lines) =>
    assertEquals(lines, [
      "The capital of Norway is Oslo.",
      "The capital of Spain is Madrid.",
      "get_weather ['city']",
    ]),
);
