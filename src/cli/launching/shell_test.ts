import { assertEquals } from "@std/assert";
import { API_KEY } from "./client.ts";
import { shellScript } from "./shell.ts";

const COMMAND = {
  executable: "agent",
  setup: {
    variables: {
      EMPTY: "",
      JSON: '{"a":"it\'s $HOME"}',
      KEY: API_KEY,
      SHIMMY_API_KEY: API_KEY,
      URL: "http://h:1/v1",
    },
    args: ["-c", 'model="m"'],
    files: [],
  },
  args: ["exec", "two words"],
} as const;

Deno.test("a script for POSIX shells quotes its words and reads the key from a variable", () => {
  assertEquals(
    shellScript(COMMAND, "linux"),
    `export EMPTY=''
export JSON='{"a":"it'\\''s $HOME"}'
export KEY="$SHIMMY_API_KEY"
export URL=http://h:1/v1
agent -c 'model="m"' exec 'two words' "$@"`,
  );
});

Deno.test("a script for PowerShell", () => {
  assertEquals(
    shellScript(COMMAND, "windows"),
    `$env:EMPTY = ''
$env:JSON = '{"a":"it''s $HOME"}'
$env:KEY = $env:SHIMMY_API_KEY
$env:URL = 'http://h:1/v1'
& 'agent' '-c' 'model="m"' 'exec' 'two words' @args`,
  );
});
