/** Runs the examples of the pages: every call of curl and every TypeScript program. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { type TinyServer, tinyServer } from "../clients/tiny_server.ts";
import { run } from "../support/program.ts";
import { read, readPages } from "./pages.ts";

const ROOT = new URL("../../", import.meta.url);
const PAGES = await readPages();

/** The address in the examples, where the server of a test listens elsewhere. */
const ADDRESS = "127.0.0.1:11435";

interface CurlExample {
  readonly page: string;
  readonly method: string;
  readonly path: string;
  readonly body: string | undefined;
  /** What the page says it prints, if it does. */
  readonly shown: string | null;
}

/** Streams that last as long as the server. */
const ENDLESS = ["/api/events"];

/** The first piece of a response, whose rest is not read. */
async function firstPiece(response: Response): Promise<string> {
  const reader = response.body!.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  return new TextDecoder().decode(value);
}

/** A call of curl: options, the address, and perhaps a body in single quotes. */
const CURL =
  /curl((?: -N| -X [A-Z]+| -D \S+)*) http:\/\/127\.0\.0\.1:11435(\/[^\s`]*)(?:\s+(?:\\\n)?\s*-d '([^']*)')?\n/g;

/** The id of an answer that must run meanwhile: tests of steering send these calls. */
const RUNNING = "$ID";

/** A call that needs a model with images and sounds: tests of media send it. */
const HEARING = "model=shimmy-tiny-vision";

/** Every call of curl in the code blocks of the pages that needs no running answer. */
function curlExamples(): CurlExample[] {
  const all = PAGES.flatMap(({ name, text }) =>
    [...text.matchAll(/```(console|sh)\n([\s\S]*?)```/g)].flatMap(([, kind, block]) =>
      [...block!.matchAll(CURL)].map((match) => {
        const [call, options, path, body] = match;
        const rest = block!.slice(match.index + call.length).split(/^\$ /m)[0]!;
        return {
          page: name,
          method: /-X ([A-Z]+)/.exec(options!)?.[1] ?? (body === undefined ? "GET" : "POST"),
          path: path!,
          body,
          shown: kind === "console" ? rest : null,
        };
      })
    )
  );
  return all.filter(({ path }) => !path.includes(RUNNING));
}

interface ProgramExample {
  readonly page: string;
  readonly file: string;
  /** The permissions that the page gives it. */
  readonly permissions: readonly string[];
  readonly code: string;
}

/** The programs of the pages: a file's name, `run with` and a command, and its code. */
function programs(): ProgramExample[] {
  const program =
    /`(\w+\.ts)`(?:(?!```)[\s\S])*?run with\s+`deno run ([^`]*)`:\n+```ts\n([\s\S]*?)```/g;
  return PAGES.flatMap(({ name, text }) =>
    [...text.matchAll(program)].map(([, file, command, code]) => ({
      page: name,
      file: file!,
      permissions: command!.split(/\s+/).filter((word) => word.startsWith("--allow-")),
      code: code!,
    }))
  );
}

/** Packages of the examples by the names that the tests import them by, so that nothing is fetched. */
const PACKAGES: Readonly<Record<string, string>> = {
  "npm:openai": "test:openai",
  "npm:@anthropic-ai/sdk": "test:anthropic",
  "npm:ollama": "test:ollama",
  "npm:ai": "test:ai",
  "npm:@ai-sdk/openai-compatible": "test:ai-openai-compatible",
  "npm:@langchain/openai": "test:langchain-openai",
};

/** Runs a program against a server and gives what it printed. */
async function runProgram(
  { file, permissions, code }: ProgramExample,
  server: TinyServer,
): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--config=deno.test.json", "--no-prompt"],
      ...permissions,
      "--ext=ts",
      "-",
    ],
    cwd: fileURLToPath(ROOT),
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const imported = code.replaceAll(/"(npm:[^"]+)"/g, (_, name: string) => {
    assert(name in PACKAGES, `${file}: no test has ${name}`);
    return `"${PACKAGES[name]}"`;
  });
  const input = child.stdin.getWriter();
  const { host } = new URL(server.url);
  await input.write(new TextEncoder().encode(imported.replaceAll(ADDRESS, host)));
  await input.close();
  const { success, stdout } = await child.output();
  assert(success, file);
  return new TextDecoder().decode(stdout);
}

Deno.test("every call of curl in the pages returns the output of the page", async () => {
  await using server = tinyServer();
  const examples = curlExamples();
  const written = PAGES.flatMap(({ text }) => text.match(/curl [^`\n]*http:\/\/127.*/g) ?? [])
    .filter((call) => !call.includes(RUNNING) && !call.includes(HEARING));
  assertEquals(examples.length, written.length);
  assert(examples.length > 20);
  for (const { page, method, path, body, shown } of examples) {
    // As curl sends it without a type.
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const response = await fetch(`${server.url}${path}`, {
      method,
      ...(body === undefined ? {} : { body, headers }),
    });
    const answer = ENDLESS.includes(path) ? await firstPiece(response) : await response.text();
    const status = shown?.startsWith('{"error"') ? 400 : 200;
    assertEquals(response.status, status, `${page}: ${path} ${answer}`);
    let rest = answer;
    for (const part of (shown ?? "").split(/\.\.\.|\{\.\.\.\}|\[\.\.\.\]/)) {
      const text = part.trim().replace(/^, |, $/g, "").replace(/^[}\]],?|[{[]$/g, "");
      assertStringIncludes(rest, text, `${page}: ${body}`);
      rest = rest.slice(rest.indexOf(text) + text.length);
    }
  }
});

Deno.test("every program in the pages is found", () => {
  // The program of the library needs no server; library_test.ts runs it.
  const pages = PAGES.filter(({ name }) => name !== "docs/library.md");
  const blocks = pages.flatMap(({ name, text }) => [...text.matchAll(/```ts\n/g)].map(() => name));
  assertEquals(programs().map(({ page }) => page), blocks);
});

for (const example of programs()) {
  const { page, file, code } = example;
  const printed = /(?:console\.log\(.*\); |^)\/\/ (.*)/m.exec(code)?.[1];
  Deno.test(`${page}: ${file} prints what it says`, async () => {
    await using server = tinyServer();
    const output = (await runProgram(example, server)).trim();
    if (printed !== undefined) return assertEquals(output, printed);
    // Over WebSocket: the frame that stops goes out after the eighth; how many follow depends on the speed.
    const frames = output.split("\n");
    const done = JSON.parse(frames.at(-1)!);
    assertEquals([done.done, done.finish_reason], [true, "stop"]);
    assert(frames.length > 8, output);
  });
}

/** Commands in the pages that print the same on every machine, at least in the first column. */
function commandExamples(): { readonly args: string[]; readonly shown: string }[] {
  const command =
    /^ *\$ shimmy ((?:generate|plan|gpu-info)\b[^\n]*)\n([\s\S]*?)(?=^ *\$ |(?![\s\S]))/gm;
  return PAGES.flatMap(({ text }) =>
    [...text.matchAll(/```console\n([\s\S]*?)```/g)].flatMap(([, block]) =>
      [...block!.matchAll(command)]
        // Other backends than the CPU are not on every machine.
        .filter(([, line]) => !line!.includes("--gpu-backend"))
        .map(([, line, shown]) => ({
          args: [...line!.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word!),
          shown: shown!.trimEnd(),
        }))
    )
  );
}

/** What does not depend on the machine: all of an answer, the first column of a table. */
function comparable(command: string, output: string): string[] {
  const lines = output.trimEnd().split("\n");
  if (command === "generate") return lines;
  // A machine with a GPU has no reason for the CPU.
  return lines.filter((line) => !line.startsWith("Running on the CPU")).map((line) =>
    /^[^:]*?(?= {2}|:|$)/.exec(line.trim())![0]
  );
}

Deno.test("commands in the pages print the output of the pages", async () => {
  const [, ...task] = (JSON.parse(await read("deno.json")).tasks.shimmy as string).split(" ");
  const examples = commandExamples();
  assertEquals([...new Set(examples.map(({ args }) => args[0]))].sort(), [
    "generate",
    "gpu-info",
    "plan",
  ]);
  for (const { args, shown } of examples) {
    const { code, stdout, stderr } = await run({
      command: [Deno.execPath(), task[0]!, "--quiet", ...task.slice(1)],
      env: Deno.env.toObject(),
      cwd: fileURLToPath(ROOT),
    }, args);
    assertEquals(code, 0, stderr);
    assertEquals(comparable(args[0]!, stdout), comparable(args[0]!, shown), args.join(" "));
  }
});
