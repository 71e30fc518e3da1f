import { assertEquals } from "@std/assert";
import { type Asked, LANGUAGES } from "./snippets.ts";

const CHAT: Asked = {
  method: "POST",
  url: "http://127.0.0.1:11435/v1/chat/completions",
  headers: {},
  body: { model: "tiny", messages: [{ role: "user", content: "It's" }], stream: true, seed: null },
  isStreamed: true,
  needsKey: true,
};

const LIST: Asked = {
  method: "GET",
  url: "http://127.0.0.1:11435/api/models",
  headers: {},
  body: undefined,
  isStreamed: false,
  needsKey: false,
};

Deno.test("curl gets the address, the key of the environment and the body in a shell's words", () => {
  assertEquals(LANGUAGES.curl(LIST), "curl http://127.0.0.1:11435/api/models");
  assertEquals(
    LANGUAGES.curl({ ...CHAT, body: { prompt: "It's" } }),
    `curl -N http://127.0.0.1:11435/v1/chat/completions \\
  -H "authorization: Bearer $SHIMMY_API_KEY" \\
  -H 'content-type: application/json' \\
  -d '{
  "prompt": "It'\\''s"
}'`,
  );
  assertEquals(
    LANGUAGES.curl({ ...LIST, method: "DELETE", headers: { "x-strict": "1" } }),
    `curl -X DELETE http://127.0.0.1:11435/api/models \\
  -H 'x-strict: 1'`,
  );
});

Deno.test("the TypeScript snippet sends the request that it shows", async () => {
  const program = LANGUAGES.TypeScript({ ...CHAT, isStreamed: false });
  const sent: [string, RequestInit][] = [];
  const fetch = (url: string, init: RequestInit) => {
    sent.push([url, init]);
    return Promise.resolve(new Response("ok"));
  };
  const process = { env: { SHIMMY_API_KEY: "secret" } };
  const lines: string[] = [];
  const console = { log: (line: string) => lines.push(line) };
  const AsyncFunction = Object.getPrototypeOf(async function () {}).constructor;
  await new AsyncFunction("fetch", "process", "console", program)(fetch, process, console);
  const [[url, init]] = sent as [[string, RequestInit]];
  assertEquals([url, init.method, lines], [CHAT.url, "POST", ["ok"]]);
  assertEquals(JSON.parse(init.body as string), CHAT.body);
  assertEquals(init.headers, {
    authorization: "Bearer secret",
    "content-type": "application/json",
  });
});

Deno.test("the Python snippet has Python's constants and reads a stream by lines", () => {
  assertEquals(
    LANGUAGES.Python(CHAT),
    `import os

import requests

response = requests.post(
    "http://127.0.0.1:11435/v1/chat/completions",
    headers={"authorization": f"Bearer {os.environ['SHIMMY_API_KEY']}"},
    json={
        "model": "tiny",
        "messages": [
            {
                "role": "user",
                "content": "It's",
            },
        ],
        "stream": True,
        "seed": None,
    },
    stream=True,
)
response.raise_for_status()
for line in response.iter_lines(decode_unicode=True):
    print(line)
`,
  );
});
