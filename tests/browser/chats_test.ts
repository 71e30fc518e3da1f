/** Chats in the list, their files, and two models side by side. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Page } from "test:playwright-core";
import { TINY_F16 } from "../support/engine.ts";
import { answers, endedAnswer, openChat, say, setSampling, textOf } from "./chat.ts";
import { TINY_NAME, uiTest, until } from "./ui.ts";

const FRANCE = "What is the capital of France?";
const PARIS = "The capital of France is Paris.";

/** Opens the dialog of a chat in the list. */
async function openActions(page: Page, title: string): Promise<void> {
  await page.getByRole("button", { name: `Actions for ${title}` }).click();
  await page.getByRole("dialog").waitFor();
}

/** The text of a file that a button of the dialog exports. */
async function exported(page: Page, button: string): Promise<string> {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: button }).click(),
  ]);
  return await Deno.readTextFile((await download.path())!);
}

uiTest("a chat is renamed, exported, deleted, and imported again", async (start) => {
  await using ui = await start();
  const { page } = ui;
  await openChat(ui, TINY_NAME);
  await setSampling(page, "temperature", 0);
  await say(page, FRANCE);
  assertEquals(await textOf(await endedAnswer(page)), PARIS);
  await openActions(page, FRANCE);
  await page.getByRole("textbox", { name: "Title" }).fill("Capitals");
  await page.getByRole("button", { name: "Rename" }).click();
  await page.getByRole("heading", { name: "Capitals" }).waitFor();
  await openActions(page, "Capitals");
  const markdown = await exported(page, "Export as Markdown");
  assertStringIncludes(markdown, "# Capitals\n");
  assertStringIncludes(markdown, PARIS);
  await openActions(page, "Capitals");
  const json = await exported(page, "Export as JSON");
  assertEquals(JSON.parse(json).messages.length, 2);
  await openActions(page, "Capitals");
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("button", { name: "Delete for good" }).click();
  const link = page.getByRole("region", { name: "Chats" }).getByRole("link", { name: "Capitals" });
  await link.waitFor({ state: "detached" });
  for (const [name, text] of [["chat.md", markdown], ["chat.json", json]] as const) {
    const folder = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${folder}/${name}`, text);
      const before = await link.count();
      await page.getByLabel("File to import").setInputFiles(`${folder}/${name}`);
      await until(async () => await link.count() === before + 1);
      assertEquals(await textOf(await endedAnswer(page)), PARIS);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }
});

uiTest("two models answer a message side by side, and one answer is kept", async (start) => {
  await using ui = await start({ models: { "talker.gguf": TINY_F16 } });
  const { page } = ui;
  await openChat(ui, TINY_NAME);
  await setSampling(page, "temperature", 0);
  await page.getByRole("button", { name: "Compare with a second model" }).click();
  await page.getByRole("combobox", { name: "Second model" }).selectOption("talker");
  await say(page, FRANCE);
  await until(async () =>
    await page.locator('.column article.message.assistant[aria-busy="false"]').count() === 2
  );
  const names = await page.locator(".column .message-name").allInnerTexts();
  assertEquals(new Set(names), new Set([TINY_NAME, "talker"]));
  for (const answer of await page.locator(".column article").all()) {
    assertEquals(await textOf(answer), PARIS);
  }
  await page.getByRole("button", { name: "Go on with 2" }).click();
  await page.locator(".column").first().waitFor({ state: "detached" });
  await until(async () => (await answers(page).first().innerText()).includes("2/2"));
});
