import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { TINY_F16 } from "../support/engine.ts";
import {
  answers,
  endedAnswer,
  EndlessModel,
  lettersOf,
  openChat,
  running,
  say,
  setSampling,
  textOf,
  untilAnswer,
} from "./chat.ts";
import { TINY_NAME, uiTest, until } from "./ui.ts";

const FRANCE = "What is the capital of France?";
const PARIS = "The capital of France is Paris.";

/** Waits until a text stays the same for half a second: tokens on their way still arrive. */
async function still(read: () => Promise<string>): Promise<string> {
  let before = "";
  await until(async () => {
    before = await read();
    await new Promise((resolve) => setTimeout(resolve, 500));
    return await read() === before;
  });
  return before;
}

uiTest(
  "a first chat is answered, named, kept over a reload and found by the search",
  async (start) => {
    await using ui = await start();
    const { page } = ui;
    await openChat(ui, TINY_NAME);
    await setSampling(page, "temperature", 0);
    await say(page, FRANCE);
    assertEquals(await textOf(await endedAnswer(page)), PARIS);
    await page.reload();
    await untilAnswer(page, (text) => text === PARIS);
    const list = page.getByRole("region", { name: "Chats" });
    await list.getByRole("link", { name: /capital of France/ }).waitFor();
    await page.getByRole("searchbox", { name: "Search chats" }).fill("paris");
    await list.getByRole("link", { name: /capital of France/ }).waitFor();
    await page.getByRole("searchbox", { name: "Search chats" }).fill("berlin");
    await page.getByText("No chat contains this text.").waitFor();
  },
);

uiTest("the choice of models names the default one", async (start) => {
  await using ui = await start({ models: { "talker.gguf": TINY_F16 } });
  const { page } = ui;
  await openChat(ui, "talker");
  const { models } = await ui.api("/api/models");
  const chosen = models.find((one: { default: boolean }) => one.default).name;
  const label = page.locator("#model option").first();
  await until(async () => await label.innerText() === `Default model: ${chosen}`);
  await page.locator("#model").selectOption("");
  await page.getByRole("button", { name: "Compare with a second model" }).click();
  const second = await page.getByRole("combobox", { name: "Second model" }).inputValue();
  assertEquals([chosen, second].sort(), [TINY_NAME, "talker"].sort());
  // The model of an imported chat may not be here.
  const messages = [{ id: "a", parent: null, role: "user", content: "Hi" }];
  const file = { format: "shimmy-conversation", version: 1, title: "T", model: "gone", messages };
  await page.getByLabel("File to import").setInputFiles({
    name: "chat.json",
    mimeType: "application/json",
    buffer: Buffer.from(JSON.stringify(file)),
  });
  const shown = page.locator("#model option:checked");
  await until(async () => await shown.innerText() === "gone (not on this server)");
});

uiTest("an unsent message survives a reload", async (start) => {
  await using ui = await start();
  const { page } = ui;
  await openChat(ui, TINY_NAME);
  await page.locator("#composer").fill("half a thought");
  await page.reload();
  await until(async () => await page.locator("#composer").inputValue() === "half a thought");
});

uiTest("stop ends an answer on the page and on the server", async (start) => {
  await using model = await EndlessModel.write();
  await using ui = await start(model.options);
  const { page } = ui;
  await openChat(ui, "endless");
  await say(page, "Tell me a story.");
  await until(async () => await textOf(answers(page)) !== "");
  assertEquals(await running(ui), 1);
  await page.getByRole("button", { name: "Stop" }).click();
  await endedAnswer(page);
  await until(async () => await running(ui) === 0);
  assert(await textOf(await endedAnswer(page)) !== "");
});

uiTest("a paused answer stands still, and resume lets it go on", async (start) => {
  await using model = await EndlessModel.write();
  await using ui = await start(model.options);
  const { page } = ui;
  await openChat(ui, "endless");
  await say(page, "Tell me a story.");
  const tokens = () => page.locator(".speed").innerText();
  await page.locator(".speed").waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByRole("button", { name: "Resume" }).waitFor();
  const before = await still(tokens);
  await page.getByRole("button", { name: "Resume" }).click();
  await until(async () => await tokens() !== before);
  await page.keyboard.press("Escape");
  await endedAnswer(page);
});

uiTest("a reload in mid-stream takes the answer up again", async (start) => {
  await using model = await EndlessModel.write();
  await using ui = await start(model.options);
  const { page } = ui;
  await openChat(ui, "endless");
  await say(page, "Tell me a story.");
  await until(async () => (await textOf(answers(page))).length > 20);
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByRole("button", { name: "Resume" }).waitFor();
  const letters = async () => lettersOf(await textOf(answers(page)));
  const before = await still(letters);
  await page.reload();
  await page.locator('article.message.assistant[aria-busy="true"]').waitFor();
  await until(async () => await letters() === before);
  assertEquals(await running(ui), 1);
  await page.getByRole("button", { name: "Stop" }).click();
  await endedAnswer(page);
  await until(async () => await running(ui) === 0);
});

uiTest("an edited message is a branch, and both can be walked", async (start) => {
  await using ui = await start();
  const { page } = ui;
  await openChat(ui, TINY_NAME);
  await setSampling(page, "temperature", 0);
  await say(page, FRANCE);
  await endedAnswer(page);
  const question = page.locator("article.message.user");
  await question.getByRole("button", { name: "Edit" }).click();
  await page.getByRole("textbox", { name: "Text of the message" }).fill(
    "What is the capital of Canada?",
  );
  await page.getByRole("button", { name: "Send as a branch" }).click();
  await until(async () => (await textOf(answers(page))).includes("Ottawa"));
  await endedAnswer(page);
  await until(async () => (await question.innerText()).includes("2/2"));
  await question.getByRole("button", { name: "Previous branch" }).click();
  await until(async () => await textOf(answers(page)) === PARIS);
  await until(async () => (await question.innerText()).includes("1/2"));
});

uiTest("a history of 1,000 messages is imported, shown and gone on with", async (start) => {
  await using ui = await start();
  const { page } = ui;
  await openChat(ui, TINY_NAME);
  const messages = Array.from({ length: 1000 }, (_, index) => ({
    id: `m${index}`,
    parent: index === 0 ? null : `m${index - 1}`,
    role: index % 2 === 0 ? "user" : "assistant",
    content: `Message **${index}** of a long chat.`,
    created: index,
  }));
  const file = { format: "shimmy-conversation", version: 1, title: "A long chat", messages };
  await page.getByLabel("File to import").setInputFiles({
    name: "long.json",
    mimeType: "application/json",
    buffer: Buffer.from(JSON.stringify(file)),
  });
  await page.locator('[data-message="m999"]').getByText("999").waitFor();
  assertEquals(await page.locator("article.message").count(), 1000);
  await page.locator('[data-message="m0"]').scrollIntoViewIfNeeded();
  await page.locator('[data-message="m0"] strong').waitFor();
  await page.locator("#composer").fill("typed in a long chat");
  assertEquals(await page.locator("#composer").inputValue(), "typed in a long chat");
});
