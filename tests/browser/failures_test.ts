/** Failures of the browser's stores, of the server, and of the user's patience. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Page } from "test:playwright-core";
import { Server } from "../cli/machine.ts";
import { randomNumbers } from "../support/exactness.ts";
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
} from "./chat.ts";
import { TINY_NAME, uiTest, until } from "./ui.ts";

const FRANCE = "What is the capital of France?";
const PARIS = "The capital of France is Paris.";

const STORES: readonly (readonly [name: string, script: () => void])[] = [
  ["a browser that keeps nothing", () => {
    const denied = () => {
      throw new DOMException("Access is denied for this document.", "SecurityError");
    };
    for (const name of ["localStorage", "sessionStorage", "indexedDB"]) {
      Object.defineProperty(globalThis, name, { get: denied, configurable: true });
    }
  }],
  ["a browser whose stores are full", () => {
    const full = () => {
      throw new DOMException("The quota has been exceeded.", "QuotaExceededError");
    };
    Storage.prototype.setItem = full;
    // deno-lint-ignore no-explicit-any
    (globalThis as any).IDBObjectStore.prototype.put = full;
  }],
  ["a browser whose database cannot be opened", () => {
    // deno-lint-ignore no-explicit-any
    const factory = (globalThis as any).IDBFactory.prototype;
    const open = factory.open;
    // A later version of the page has changed the database.
    factory.open = function (name: string, version: number) {
      open.call(this, name, 99);
      return open.call(this, name, version);
    };
  }],
];

for (const [name, script] of STORES) {
  uiTest(`${name} chats`, async (start) => {
    await using ui = await start();
    const { page, context } = ui;
    await context.addInitScript(script);
    await openChat(ui, TINY_NAME);
    await setSampling(page, "temperature", 0);
    for (let turn = 1; turn <= 2; turn++) {
      await say(page, FRANCE);
      await until(async () => await answers(page).count() === turn);
      assertEquals(await textOf(await endedAnswer(page)), PARIS);
    }
    await page.getByRole("button", { name: /^Colours/ }).click();
    await page.getByRole("button", { name: "New chat" }).click();
    await say(page, FRANCE);
    assertEquals(await textOf(await endedAnswer(page)), PARIS);
    assertEquals(await running(ui), 0);
  });
}

uiTest("where nothing is kept, an answer ends when the page is left", async (start) => {
  await using model = await EndlessModel.write();
  await using ui = await start(model.options);
  const { page, context } = ui;
  await context.addInitScript(STORES[0]![1]);
  await openChat(ui, "endless");
  await say(page, "Tell me a story.");
  await until(async () => await textOf(answers(page)) !== "");
  assertEquals(await running(ui), 1);
  await page.reload();
  await page.getByText("What shall the model answer?").waitFor();
  await until(async () => await running(ui) === 0);
});

uiTest("site data that is cleared amid a chat breaks nothing", async (start) => {
  await using ui = await start();
  const { page } = ui;
  await openChat(ui, TINY_NAME);
  await setSampling(page, "temperature", 0);
  await say(page, FRANCE);
  await endedAnswer(page);
  const session = await ui.context.newCDPSession(page);
  const origin = new URL(page.url()).origin;
  await session.send("Storage.clearDataForOrigin", { origin, storageTypes: "all" });
  await say(page, FRANCE);
  await until(async () => await answers(page).count() === 2);
  assertEquals(await textOf(await endedAnswer(page)), PARIS);
});

uiTest(
  "stop, pause and resume in any order leave the page and the server in one state",
  async (start) => {
    await using model = await EndlessModel.write();
    await using ui = await start(model.options);
    const { page } = ui;
    await openChat(ui, "endless");
    const random = randomNumbers(3);
    for (let round = 0; round < 3; round++) {
      await say(page, "Tell me a story.");
      await page.locator('article.message.assistant[aria-busy="true"]').last().waitFor();
      for (let press = 0; press < 30; press++) {
        const key = ["Alt+p", "Alt+p", "Alt+t", "Alt+s", "Enter", "a"][random(6)]!;
        await page.keyboard.press(key);
      }
      for (let press = 0; press < 5; press++) await page.keyboard.press("Escape");
      await endedAnswer(page);
      await until(async () => await running(ui) === 0);
      await page.locator("#composer").fill("");
    }
    assertEquals(await answers(page).count(), 3);
  },
);

uiTest(
  "a chat or a branch that is deleted amid its answer is deleted, and the answer stops",
  async (start) => {
    await using model = await EndlessModel.write();
    await using ui = await start(model.options);
    const { page } = ui;
    await openChat(ui, "endless");
    await say(page, "First story.");
    await until(async () => await textOf(answers(page)) !== "");
    const question = page.locator("article.message.user");
    await question.hover();
    await question.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("button", { name: "Delete with what follows" }).click();
    await page.getByText("What shall the model answer?").waitFor();
    await until(async () => await running(ui) === 0);
    await say(page, "Second story.");
    await until(async () => await textOf(answers(page)) !== "");
    const list = page.getByRole("region", { name: "Chats" });
    await list.getByRole("button", { name: /^Actions for/ }).first().click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Delete" }).click();
    await dialog.getByRole("button", { name: "Delete for good" }).click();
    await page.getByText("What shall the model answer?").waitFor();
    await until(async () => await running(ui) === 0);
    await page.reload();
    await page.getByText("What shall the model answer?").waitFor();
    assertEquals(await list.getByRole("link", { name: /story/ }).count(), 0);
  },
);

uiTest("a branch is edited while another answer streams, and both end", async (start) => {
  await using model = await EndlessModel.write();
  await using ui = await start(model.options);
  const { page } = ui;
  await openChat(ui, "endless");
  await say(page, "First story.");
  await until(async () => await textOf(answers(page)) !== "");
  const question = page.locator("article.message.user");
  await question.hover();
  await question.getByRole("button", { name: "Edit" }).click();
  const field = page.getByRole("textbox", { name: "Text of the message" });
  await field.fill("Second story.");
  await field.press("Control+Enter");
  await until(async () => await running(ui) === 2);
  await until(async () => (await question.innerText()).includes("2/2"));
  await page.getByRole("button", { name: "Stop" }).click();
  await until(async () => await running(ui) === 0);
  await question.getByRole("button", { name: "Previous branch" }).click();
  await endedAnswer(page);
  await until(async () => (await question.innerText()).includes("First story."));
});

uiTest("two tabs follow one answer, and one of them stops it", async (start) => {
  await using model = await EndlessModel.write();
  await using ui = await start(model.options);
  const { page, context } = ui;
  await openChat(ui, "endless");
  await say(page, "Tell me a story.");
  await until(async () => await textOf(answers(page)) !== "");
  const other = await context.newPage();
  other.on("pageerror", (error) => void ui.problems.push(`second tab: ${error.message}`));
  await other.goto(page.url());
  await other.locator('article.message.assistant[aria-busy="true"]').waitFor();
  await until(async () => await textOf(answers(other)) !== "");
  assertEquals(await running(ui), 1);
  await other.getByRole("button", { name: "Stop" }).click();
  const ended = await Promise.all(
    [endedAnswer(page), endedAnswer(other)].map(async (one) => lettersOf(await textOf(await one))),
  );
  assertEquals(ended[0], ended[1]);
  // One tab deletes the chat that the other one shows.
  await other.getByRole("button", { name: /^Actions for/ }).first().click();
  const dialog = other.getByRole("dialog");
  await dialog.getByRole("button", { name: "Delete" }).click();
  await dialog.getByRole("button", { name: "Delete for good" }).click();
  await say(page, "Another story.");
  await until(async () => await running(ui) === 1);
  await page.getByRole("button", { name: "Stop" }).click();
  await until(async () => await running(ui) === 0);
});

/** The text of the last answer with its end. */
async function lastAnswer(page: Page): Promise<string> {
  return await (await endedAnswer(page)).innerText();
}

uiTest("a server that is killed amid an answer is told, and a new one is used", async (start) => {
  await using model = await EndlessModel.write();
  await using ui = await start(model.options);
  const { page, server } = ui;
  await openChat(ui, "endless");
  await say(page, "Tell me a story.");
  await until(async () => (await textOf(answers(page))).length > 20);
  const before = await textOf(answers(page));
  server.kill("SIGKILL");
  await server.ended();
  const text = await lastAnswer(page);
  assertStringIncludes(text, "The answer failed: The connection to the server broke");
  assertStringIncludes(lettersOf(text), lettersOf(before).slice(0, 10));
  await say(page, "And another.");
  assertStringIncludes(await lastAnswer(page), "The server cannot be reached");
  const port = server.address.split(":").at(-1)!;
  await using again = await Server.start(ui.machine, ["--port", port]);
  await page.getByRole("button", { name: "New chat" }).click();
  await page.locator("#model").selectOption(TINY_NAME);
  await setSampling(page, "temperature", 0);
  await say(page, FRANCE);
  assertEquals(await textOf(await endedAnswer(page)), PARIS);
  assertEquals(again.address, server.address);
});

uiTest("a model whose file is removed is an error of the answer", async (start) => {
  await using model = await EndlessModel.write();
  await using ui = await start(model.options);
  const { page } = ui;
  await openChat(ui, "endless");
  await Deno.remove(`${ui.machine.home}/models/endless.gguf`);
  await say(page, "Tell me a story.");
  assertStringIncludes(await lastAnswer(page), "The answer failed");
  await page.locator("#model").selectOption(TINY_NAME);
  await say(page, FRANCE);
  await until(async () => await answers(page).count() === 2);
  await endedAnswer(page);
});

uiTest("a key of other characters is refused, and asked for again", async (start) => {
  await using ui = await start({ args: ["--api-key", "right-key"] });
  const { page } = ui;
  await ui.open("#/models");
  const key = page.getByLabel("Key", { exact: true });
  for (const wrong of ["ключ", "a key", "€"]) {
    await key.fill(wrong);
    await key.press("Enter");
    await page.getByText("The server does not accept this key.").waitFor();
  }
  await page.reload();
  await key.fill("right-key");
  await key.press("Enter");
  await page.locator(`.card[data-model="${TINY_NAME}"]`).waitFor();
});
