/** The example that drafts a page from insights. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { served, tinyServer } from "../clients/tiny_server.ts";
import { read } from "./pages.ts";

const ROOT = new URL("../../", import.meta.url);
const PAGE = await read("docs/integrations/drafting.md");
const INSIGHTS = /```json\n([\s\S]*?)```/.exec(PAGE)![1]!;

async function draft(url: string) {
  const folder = await Deno.makeTempDir();
  try {
    const file = join(folder, "insights.json");
    await Deno.writeTextFile(file, INSIGHTS);
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-prompt", "--config=deno.test.json"],
        "--allow-net=127.0.0.1",
        `--allow-read=${file}`,
        "docs/examples/draft.ts",
        file,
        url,
      ],
      cwd: fileURLToPath(ROOT),
      env: { NO_COLOR: "1" },
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { success, stdout: text(stdout), stderr: text(stderr) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The outcome with a server that gives this answer. */
async function draftFrom(answer: unknown, status = 200) {
  await using server = served(() => Promise.resolve(Response.json(answer, { status })));
  return await draft(server.url);
}

Deno.test("a draft follows the schema and cites insights that exist", async () => {
  await using server = tinyServer();
  const { success, stdout, stderr } = await draft(server.url);
  assert(success, stderr);
  assertMatch(stdout, /^# .+\n\n## .+\n\n[\s\S]+ \[F[12](, F[12])?\]\n/);
});

const SECTION = { heading: "Parser", text: "It reads twice.", sources: ["F1"] };

Deno.test("a draft is printed as Markdown, and insights without a section are reported", async () => {
  const response = JSON.stringify({ title: "Findings", sections: [SECTION] });
  const { success, stdout, stderr } = await draftFrom({ response, finish_reason: "stop" });
  assert(success, stderr);
  assertEquals(stdout, "# Findings\n\n## Parser\n\nIt reads twice. [F1]\n");
  assertEquals(stderr, "Not cited: F2\n");
});

Deno.test("a draft that cites an unknown insight, is cut, or is refused fails", async () => {
  const unknown = JSON.stringify({ title: "T", sections: [{ ...SECTION, sources: ["F9"] }] });
  const foreign = await draftFrom({ response: unknown, finish_reason: "stop" });
  assertEquals(foreign.success, false);
  assertStringIncludes(foreign.stderr, "sources");
  const cut = await draftFrom({ response: "{", finish_reason: "length" });
  assertStringIncludes(cut.stderr, "The draft is incomplete");
  const refused = await draftFrom({ error: "no" }, 400);
  assertStringIncludes(refused.stderr, "The server refused the request: no");
});
