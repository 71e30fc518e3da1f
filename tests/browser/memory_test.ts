/** What the page keeps in memory, and what it does while the browser is idle. */
import { assertEquals } from "@std/assert";
import type { Page } from "test:playwright-core";
import { endedAnswer, openChat, say, untilAnswer } from "./chat.ts";
import { TINY_NAME, uiTest, until } from "./ui.ts";

const MEBIBYTE = 1024 * 1024;

/** Imports a chat, whose messages are an expression of the page, and waits until it is shown. */
async function importChat(page: Page, title: string, messages: string): Promise<void> {
  await page.evaluate(`(() => {
    const chat = { format: "shimmy-conversation", version: 1, title: "${title}", isNamed: true, messages: ${messages} };
    const files = new DataTransfer();
    files.items.add(new File([JSON.stringify(chat)], "chat.json"));
    const input = document.querySelector('[aria-label="File to import"]');
    input.files = files.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  })()`);
  await page.getByRole("heading", { name: title }).waitFor();
}

uiTest("the images of a chat are in memory only while it is shown", async (start) => {
  await using ui = await start();
  const { page, context } = ui;
  const session = await context.newCDPSession(page);
  const used = async () => {
    await session.send("HeapProfiler.collectGarbage");
    const { usedSize, backingStorageSize } = await session.send("Runtime.getHeapUsage");
    // A text that the document uses may move out of the heap.
    return usedSize + backingStorageSize;
  };
  await openChat(ui, TINY_NAME);
  await say(page, "What is the capital of France?");
  await endedAnswer(page);
  const list = page.getByRole("region", { name: "Chats" });
  await importChat(
    page,
    "Sounds",
    `[{ id: "a", parent: null, role: "user", content: "What is this?", media: [1, 2].map((at) => ({
      name: at + ".wav",
      url: "data:audio/wav;base64," + String(at).repeat(${15 * MEBIBYTE}),
    })) }]`,
  );
  // The import itself has copies of its own.
  await page.reload();
  await page.getByLabel("1.wav").waitFor();
  await until(async () => await used() > 30 * MEBIBYTE);
  await list.getByRole("link", { name: "What is the capital" }).click();
  await page.getByRole("heading", { name: "What is the capital" }).waitFor();
  await until(async () => await used() < 20 * MEBIBYTE);
  // It is read again, and can be changed.
  await list.getByRole("link", { name: "Sounds" }).click();
  await page.getByLabel("2.wav").waitFor();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("button", { name: "Delete with what follows" }).click();
  await page.getByLabel("2.wav").waitFor({ state: "detached" });
  await list.getByRole("link", { name: "What is the capital" }).click();
  await page.getByRole("heading", { name: "What is the capital" }).waitFor();
  await list.getByRole("link", { name: "Sounds" }).click();
  await page.getByRole("heading", { name: "Sounds" }).waitFor();
  assertEquals(await page.locator("article.message").count(), 0);
});

uiTest("an answer goes on and is kept while another chat is shown", async (start) => {
  await using ui = await start();
  const { page } = ui;
  await openChat(ui, TINY_NAME);
  await say(page, "What is the capital of France?");
  await page.getByRole("button", { name: "New chat" }).click();
  await say(page, "What is the capital of Japan?");
  await endedAnswer(page);
  await page.getByRole("link", { name: "What is the capital of France?" }).click();
  await page.getByRole("heading", { name: "What is the capital of France?" }).waitFor();
  await untilAnswer(page, (text) => text.includes("Paris"));
  await page.reload();
  await untilAnswer(page, (text) => text.includes("Paris"));
});

uiTest("a browser that does not tell when it is idle renders long chats too", async (start) => {
  await using ui = await start();
  const { page, context } = ui;
  await context.addInitScript("delete globalThis.requestIdleCallback");
  await openChat(ui, TINY_NAME);
  await importChat(
    page,
    "A long chat",
    `Array.from({ length: 100 }, (_, index) => ({
      id: "m" + index,
      parent: index === 0 ? null : "m" + (index - 1),
      role: index % 2 === 0 ? "user" : "assistant",
      content: "Message **" + index + "**\\n\\n" + "A line.\\n\\n".repeat(10),
      created: index,
    }))`,
  );
  await page.locator('[data-message="m99"] strong').waitFor();
  // Nobody scrolls to the first message.
  await page.locator('[data-message="m0"] strong').waitFor({ state: "attached" });
});
