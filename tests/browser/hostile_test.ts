/** Content and files that try to break the page. */
import axe from "test:axe-core";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Buffer } from "node:buffer";
import type { Page } from "test:playwright-core";
import { endedAnswer, openChat, say, setSampling, textOf } from "./chat.ts";
import { TINY_NAME, type Ui, uiTest, until } from "./ui.ts";

const FRANCE = "What is the capital of France?";
const PARIS = "The capital of France is Paris.";

interface Given {
  readonly id?: unknown;
  readonly parent?: unknown;
  readonly role?: string;
  readonly content?: unknown;
}

/** An exported conversation with these messages and other fields. */
function exported(messages: readonly Given[], fields: object = {}): string {
  const whole = messages.map((one, index) => ({
    id: `m${index}`,
    parent: index === 0 ? null : `m${index - 1}`,
    role: index % 2 === 0 ? "user" : "assistant",
    content: "text",
    created: index,
    ...one,
  }));
  const file = { format: "shimmy-conversation", version: 1, title: "Hostile", messages: whole };
  return JSON.stringify({ ...file, ...fields });
}

async function importText(page: Page, text: string, name = "chat.json"): Promise<void> {
  await page.getByLabel("File to import").setInputFiles({
    name,
    mimeType: "application/json",
    buffer: Buffer.from(text),
  });
}

/** The page still answers. */
async function assertAnswers(ui: Ui): Promise<void> {
  const { page } = ui;
  await page.getByRole("button", { name: "New chat" }).click();
  await setSampling(page, "temperature", 0);
  await say(page, FRANCE);
  assertEquals(await textOf(await endedAnswer(page)), PARIS);
}

uiTest(
  "files that are no conversations are refused with a reason, and nothing is kept",
  async (start) => {
    await using ui = await start();
    const { page } = ui;
    await openChat(ui, TINY_NAME);
    const files: readonly (readonly [text: string, reason: string])[] = [
      ["{", "not valid JSON"],
      ["[]", "must be an object"],
      ["\0\xff\xfe", "neither"],
      ["", "neither"],
      ["[".repeat(100_000), "not valid JSON"],
      [exported([{ id: "" }]), "must not be empty"],
      [exported([{ id: "a", parent: null }, { id: "a", parent: "a" }]), "an id of its own"],
      [exported([{ id: "a", parent: "b" }, { id: "b", parent: "a" }]), "must not follow itself"],
      [exported([{ content: { html: "x" } }]), "content: must be text"],
      [exported([{}], { tools: "{}" }), "tools: must be a JSON list"],
      [exported([{}], { title: 5 }), "title: must be text"],
    ];
    for (const [text, reason] of files) {
      await importText(page, text);
      await page.locator(".announcer").getByText(reason).first().waitFor();
    }
    await page.reload();
    await assertAnswers(ui);
    assertEquals(await page.getByRole("region", { name: "Chats" }).locator("li").count(), 1);
  },
);

/** Answers that would run scripts, ask other hosts, or cover the page. */
const INJECTIONS = [
  '<img src=x onerror="window.owned = 1"><script>window.owned = 2</script>',
  "<svg onload=window.owned=3></svg><style>* { display: none }</style><base href=//evil.example>",
  "[click](javascript:window.owned=4) [data](data:text/html,<script>window.owned=5</script>)",
  "[vb](vbscript:x) [tab](java\tscript:window.owned=6) <javascript:window.owned=7>",
  "![picture](https://evil.example/pixel.png) ![](//evil.example/p.gif)",
  '![svg](data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>)',
  '![x](x "onerror=window.owned=8") [x](https://a.example/"onclick="window.owned=9)',
  '```"><img src=x onerror=window.owned=10>\n<script>window.owned=11</script>',
  '<a href="https://evil.example" style="position:fixed;inset:0">everywhere</a>',
  '<iframe src="https://evil.example"></iframe><form action=//evil.example><input name=x></form>',
  "<details ontoggle=window.owned=12 open><summary>x</summary></details>",
  "| a | b |\n| - | - |\n| <img src=x onerror=window.owned=13> | `<script>`",
  '<meta http-equiv="refresh" content="0;url=https://evil.example">',
  "[ref]: javascript:window.owned=14\n\n[ref]",
  "&lt;img src=x onerror=window.owned=15&gt; \\<script>",
  "<div id=app></div><div id=composer></div><img name=body>",
];

uiTest("markup in answers does nothing: no script, no request, no cover", async (start) => {
  await using ui = await start();
  const { page } = ui;
  await openChat(ui, TINY_NAME);
  await importText(page, exported(INJECTIONS.flatMap((content) => [{ content }, { content }])));
  const last = page.locator(`[data-message="m${2 * INJECTIONS.length - 1}"]`);
  await last.scrollIntoViewIfNeeded();
  await last.locator(".markdown").waitFor();
  for (let at = 0; at < 2 * INJECTIONS.length; at++) {
    const message = page.locator(`[data-message="m${at}"]`);
    await message.scrollIntoViewIfNeeded();
    await message.locator(".markdown").waitFor();
  }
  const links = await page.locator("article.message a").evaluateAll((all) =>
    all.map((link) => (link as unknown as { href: string }).href)
  );
  for (const link of links) assert(/^(?:https?|mailto):/.test(link), link);
  assertEquals(await page.evaluate("window.owned ?? null"), null);
  assertEquals(
    await page.locator("article.message").locator(
      "script, style, iframe, form:not(.editor), svg[onload], base, meta, object, embed",
    ).count(),
    0,
  );
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<axe.AxeResults>("axe.run(document)");
  assertEquals(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`), []);
  await assertAnswers(ui);
});

/** Answers of unusual shape. */
const SHAPES = [
  `${"> ".repeat(20_000)}deep quote`,
  `${"- ".repeat(5_000)}deep list`,
  `${"*".repeat(20_000)}stars${"_".repeat(20_000)}`,
  `${"[".repeat(20_000)}brackets`,
  `${"![a](".repeat(5_000)}images`,
  "```\nan open fence",
  `${"<".repeat(20_000)}angles`,
  "x".repeat(200_000),
  `\`\`\`js\n${"const a = `\n".repeat(5_000)}`,
  `| ${"a | ".repeat(400)}\n| ${"- | ".repeat(400)}\n| ${"b | ".repeat(400)}`,
  "- a\n  - b\n    - c\n      1. d\n         > e\n         ```\n         f",
  "\u202eright to left\u202c שלום עולם مرحبا 👩‍👩‍👧‍👦 e\u0301\u200b\u200d\ufeff zero\u200bwidth",
  `Z${"\u0300".repeat(2_000)}algo`,
  "\ud800 lone surrogate \u0000 null \u2028 separators \u2029",
  "# ".repeat(2_000),
  "",
  " \n\t\n ",
];

uiTest(
  "answers of unusual shape are shown, and the page stays usable and in its width",
  async (start) => {
    await using ui = await start();
    const { page } = ui;
    await openChat(ui, TINY_NAME);
    await importText(page, exported(SHAPES.flatMap((content) => [{ content: "q" }, { content }])));
    await page.locator('[data-message="m1"]').waitFor({ state: "attached" });
    await page.getByRole("button", { name: "List of chats" }).click();
    await page.setViewportSize({ width: 390, height: 844 });
    for (let at = 1; at < 2 * SHAPES.length; at += 2) {
      const message = page.locator(`[data-message="m${at}"]`);
      await message.scrollIntoViewIfNeeded();
      const shape = SHAPES[(at - 1) / 2]!;
      await message.locator(".markdown").waitFor({ state: "attached" });
      // The text of what the browser leaves out while it is far away is no `innerText`.
      const text = await message.locator(".markdown").textContent() ?? "";
      if (/\w/.test(shape)) assert(text.trim() !== "", `message ${at}`);
    }
    assertStringIncludes(
      await page.locator('[data-message="m1"] .markdown').textContent() ?? "",
      "deep quote",
    );
    const width = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    assertEquals(await page.evaluate(width), 0);
    await until(async () => await page.locator("#composer").isEditable());
    await page.locator("#composer").fill("still here");
    assertEquals(await page.locator("#composer").inputValue(), "still here");
  },
);

uiTest("a very long title and hostile settings of the browser break nothing", async (start) => {
  await using ui = await start();
  const { page, context } = ui;
  await context.addInitScript(() => {
    const names = ["streams", "paused", "tokens", "list", "panel", "scheme", "draft.new"];
    for (const name of names) localStorage.setItem(`shimmy.${name}`, '{"text": 5, "files": 7}');
  });
  await openChat(ui, TINY_NAME);
  await assertAnswers(ui);
  await importText(page, exported([{}], { title: "t".repeat(100_000), isNamed: true }));
  const list = page.getByRole("region", { name: "Chats" });
  await list.getByRole("link", { name: /^ttt/ }).waitFor();
  const width = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
  assertEquals(await page.evaluate(width), 0);
  await page.goto(ui.server.url("/ui#/chat/%E0%A4%A"));
  await page.goto(ui.server.url("/ui#/chat/no-such-chat"));
  await page.goto(ui.server.url("/ui#/nowhere/%00"));
  await page.locator("main").waitFor();
});
