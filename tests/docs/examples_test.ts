import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { type TinyServer, tinyServer } from "../clients/tiny_server.ts";

const ROOT = new URL("../../", import.meta.url);
const README = await Deno.readTextFile(new URL("README.md", ROOT));

/** The address in the examples, where the server of a test listens elsewhere. */
const ADDRESS = "127.0.0.1:11435";

interface CurlExample {
  readonly path: string;
  readonly body: string;
  /** What the README says it prints, if it does. */
  readonly shown: string | null;
}

/** Every call of curl in the README. */
function curlExamples(): CurlExample[] {
  const call = /curl (?:-N )?http:\/\/127\.0\.0\.1:11435(\/\S+)\s(?:\\\n)?\s*-d '([^']*)'\n/g;
  return [...README.matchAll(/```(console|sh)\n([\s\S]*?)```/g)].flatMap(([, kind, block]) =>
    [...block!.matchAll(call)].map((match) => ({
      path: match[1]!,
      body: match[2]!,
      shown: kind === "console" ? block!.slice(match.index + match[0].length) : null,
    }))
  );
}

/** The code after the mention of a file. */
function codeOf(file: string): string {
  const code = new RegExp(`\`${file}\`, run with[\\s\\S]*?\`\`\`ts\\n([\\s\\S]*?)\`\`\``).exec(
    README,
  );
  assert(code !== null, file);
  return code[1]!;
}

/** Runs an example against a server and gives what it printed. */
async function runCode(file: string, server: TinyServer): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-lock", "--allow-env", "--allow-net=127.0.0.1", "--ext=ts", "-"],
    cwd: fromFileUrl(ROOT),
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const code = codeOf(file)
    .replace(ADDRESS, new URL(server.url).host)
    // The version that the other tests have, so that nothing is fetched.
    .replace('"npm:openai"', '"test:openai"');
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode(code));
  await input.close();
  const { success, stdout } = await child.output();
  assert(success, file);
  return new TextDecoder().decode(stdout);
}

Deno.test("the calls of curl answer what the README shows", async () => {
  await using server = tinyServer();
  const examples = curlExamples();
  assertEquals(examples.length, README.match(/curl (-N )?http/g)!.length);
  for (const { path, body, shown } of examples) {
    // As curl sends it that is told no type.
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const response = await fetch(`${server.url}${path}`, { method: "POST", body, headers });
    const answer = await response.text();
    assertEquals(response.status, shown?.startsWith('{"error"') ? 400 : 200, answer);
    let rest = answer;
    for (const part of (shown ?? "").split(/\.\.\.|\{\.\.\.\}/)) {
      const text = part.trim().replace(/^, |, $/g, "").replace(/^\},?|\{$/g, "");
      assertStringIncludes(rest, text, body);
      rest = rest.slice(rest.indexOf(text) + text.length);
    }
  }
});

Deno.test("the example with the openai package prints what it says", async () => {
  await using server = tinyServer();
  const printed = await runCode("hello.ts", server);
  assertEquals(printed.trim(), /console\.log\(answer\); \/\/ (.*)/.exec(codeOf("hello.ts"))![1]);
});

Deno.test("the example over WebSocket runs to its end", async () => {
  await using server = tinyServer();
  const printed = (await runCode("socket.ts", server)).trim().split("\n");
  const done = JSON.parse(printed.at(-1)!);
  assertEquals([done.done, done.finish_reason], [true, "stop"]);
  // The frame that stops goes out after the eighth; how many follow is up to the machine.
  assert(printed.length > 8, printed.join("\n"));
});
