/** Pages that are reloaded amid an answer, and what the next visit does with what runs on the server. */
import { assertEquals } from "@std/assert";
import { randomNumbers } from "../support/exactness.ts";
import {
  answers,
  endedAnswer,
  EndlessModel,
  lettersOf,
  openChat,
  running,
  say,
  textOf,
  untilAnswer,
} from "./chat.ts";
import { uiTest, until } from "./ui.ts";

uiTest("reloads at any moment lose no text of an answer", async (start) => {
  await using model = await EndlessModel.write();
  await using ui = await start(model.options);
  const { page } = ui;
  await openChat(ui, "endless");
  const random = randomNumbers(7);
  // Tokens are the text as it came; Markdown changes with the text that follows.
  await page.keyboard.press("Alt+t");
  await say(page, "Tell me a story.");
  await until(async () => await textOf(answers(page)) !== "");
  let seen = "";
  for (let round = 0; round < 6; round++) {
    await page.waitForTimeout(random(400));
    seen = await textOf(answers(page)) || seen;
    await page.reload();
    await page.locator('article.message.assistant[aria-busy="true"]').waitFor();
    await until(async () => (await textOf(answers(page))).startsWith(seen));
  }
  await page.getByRole("button", { name: "Stop" }).click();
  await endedAnswer(page);
  await until(async () => await running(ui) === 0);
  const ended = lettersOf(await textOf(answers(page)));
  await page.reload();
  await untilAnswer(page, (text) => lettersOf(text) === ended);
});

/** In the first visit of a page, the stores never get the id of an answer: it is left before that. */
function withoutIds() {
  if (sessionStorage.getItem("visited") !== null) return;
  sessionStorage.setItem("visited", "1");
  // deno-lint-ignore no-explicit-any
  const store = (globalThis as any).IDBObjectStore.prototype;
  const { put } = store;
  store.put = function (value: { answer?: unknown }) {
    const { answer: _, ...rest } = value;
    return put.call(this, rest);
  };
}

/** In the first visit of a page, no response to a request for an answer comes. */
function withoutResponses() {
  if (sessionStorage.getItem("visited") !== null) return;
  sessionStorage.setItem("visited", "1");
  const { fetch } = globalThis;
  globalThis.fetch = (input, init) => {
    const sent = fetch(input, init);
    const isAnswer = init?.method === "POST" && String(input).endsWith("/api/generate");
    return isAnswer ? new Promise(() => {}) : sent;
  };
}

for (
  const [when, script] of [
    ["before the id of its answer is written", withoutIds],
    ["before the server has told the id of its answer", withoutResponses],
  ] as const
) {
  uiTest(`a page that is reloaded ${when} takes the answer up`, async (start) => {
    await using model = await EndlessModel.write();
    await using ui = await start(model.options);
    const { page, context } = ui;
    await context.addInitScript(script);
    await openChat(ui, "endless");
    await say(page, "Tell me a story.");
    await until(async () => await running(ui) === 1);
    if (script === withoutIds) await until(async () => await textOf(answers(page)) !== "");
    await page.reload();
    await page.locator('article.message.assistant[aria-busy="true"]').waitFor();
    await until(async () => (await textOf(answers(page))).length > 20);
    await page.getByRole("button", { name: "Stop" }).click();
    const text = await textOf(await endedAnswer(page));
    await until(async () => await running(ui) === 0);
    // Now the history has the answer.
    await page.reload();
    await untilAnswer(page, (shown) => lettersOf(shown) === lettersOf(text));
  });
}

uiTest("an answer whose id the server has not told is stopped", async (start) => {
  await using model = await EndlessModel.write();
  await using ui = await start(model.options);
  const { page, context } = ui;
  await context.addInitScript(withoutResponses);
  await openChat(ui, "endless");
  await say(page, "Tell me a story.");
  await until(async () => await running(ui) === 1);
  await page.getByRole("button", { name: "Stop" }).click();
  await until(async () => await running(ui) === 0);
});

uiTest("an answer without a message ends when the page is opened again", async (start) => {
  await using model = await EndlessModel.write();
  await using ui = await start(model.options);
  const { page, context } = ui;
  await context.addInitScript(withoutResponses);
  await openChat(ui, "endless");
  await say(page, "Tell me a story.");
  await until(async () => await running(ui) === 1);
  // The request that stops the answer is lost.
  await page.route("**/control", (route) => route.abort());
  const question = page.locator("article.message.user");
  await question.hover();
  await question.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Delete with what follows" }).click();
  await page.getByText("What shall the model answer?").waitFor();
  await page.getByText("The answer cannot be steered").waitFor();
  assertEquals(await running(ui), 1);
  await page.unroute("**/control");
  await page.reload();
  await page.getByText("What shall the model answer?").waitFor();
  await until(async () => await running(ui) === 0);
  await until(async () => await page.evaluate("localStorage.getItem('shimmy.streams')") === null);
});

uiTest(
  "a stream that an earlier version of the page noted without its message is taken up",
  async (start) => {
    await using model = await EndlessModel.write();
    await using ui = await start(model.options);
    const { page } = ui;
    await openChat(ui, "endless");
    await say(page, "Tell me a story.");
    await until(async () => (await textOf(answers(page))).length > 20);
    const kept = await page.evaluate(() => {
      const list = JSON.parse(localStorage.getItem("shimmy.streams")!);
      for (const one of list) delete one.message;
      localStorage.setItem("shimmy.streams", JSON.stringify(list));
      return list;
    });
    assertEquals(kept.map((one: object) => Object.keys(one)), [["conversation", "stream"]]);
    await page.reload();
    await page.locator('article.message.assistant[aria-busy="true"]').waitFor();
    await until(async () => (await textOf(answers(page))).length > 20);
    await page.getByRole("button", { name: "Stop" }).click();
    await endedAnswer(page);
    await until(async () => await running(ui) === 0);
  },
);
