import { assert, assertEquals } from "@std/assert";
import type { Page } from "test:playwright-core";
import { answers, endedAnswer, EndlessModel, openChat, say, setSampling } from "./chat.ts";
import { TINY_NAME, uiTest, until } from "./ui.ts";

const FRANCE = "What is the capital of France?";
const PARIS = "The capital of France is Paris.";

async function showTokens(page: Page): Promise<void> {
  const panel = page.getByRole("region", { name: "Steering" });
  if (!await panel.isVisible()) {
    await page.getByRole("button", { name: "Steering", exact: true }).click();
  }
  await panel.getByRole("checkbox", { name: /^Show tokens/ }).check();
}

/** The text of the tokens of an answer. */
async function tokensOf(page: Page, place = 0): Promise<string> {
  return (await answers(page).nth(place).locator(".tokens").innerText()).trim();
}

uiTest("the temperature of a running answer is changed", async (start) => {
  await using model = await EndlessModel.write();
  await using ui = await start(model.options);
  const { page } = ui;
  await openChat(ui, "endless");
  await say(page, "Tell me a story.");
  await page.locator(".speed").waitFor();
  const changed = page.waitForResponse((response) =>
    response.url().endsWith("/control") &&
    JSON.parse(response.request().postData() ?? "{}").temperature === 0
  );
  await setSampling(page, "temperature", 0);
  assertEquals((await changed).status(), 200);
  assert(await page.getByRole("button", { name: "Pause" }).isVisible());
  await page.keyboard.press("Escape");
  await endedAnswer(page);
});

uiTest("another token is chosen, and the answer goes on from there as a branch", async (start) => {
  await using ui = await start();
  const { page } = ui;
  await openChat(ui, TINY_NAME);
  await showTokens(page);
  await setSampling(page, "temperature", 0);
  await say(page, FRANCE);
  await endedAnswer(page);
  assertEquals(await tokensOf(page), PARIS);
  await page.locator('.tokens [data-at="1"]').click();
  await page.getByRole("dialog").getByText("all forks have the same text").waitFor();
  const others = page.getByRole("list", { name: "Alternatives" }).getByRole("button");
  const other = others.nth(1);
  const text = (await other.locator("code").innerText()).replaceAll("␣", "").trim();
  await other.click();
  await page.locator(".message.assistant").getByText("2/2").waitFor();
  await endedAnswer(page);
  const branch = await tokensOf(page);
  assert(branch.startsWith("The"), branch);
  assert(branch !== PARIS && branch.includes(text), `${branch} has no ${text}`);
  await page.getByRole("button", { name: "Previous branch" }).click();
  await until(async () => await tokensOf(page) === PARIS);
});

uiTest("forks of a running answer are shown side by side, and one is kept", async (start) => {
  await using model = await EndlessModel.write();
  await using ui = await start(model.options);
  const { page } = ui;
  await openChat(ui, "endless");
  await showTokens(page);
  await say(page, "Tell me a story.");
  // A token that is a part of a character has no text to click on.
  await page.locator(".tokens [data-at]").filter({ hasText: /\w/ }).nth(3).click();
  const fork = page.getByRole("button", { name: /^Fork 3 ways/ });
  await fork.waitFor();
  assertEquals(await page.getByText("all forks have the same text").count(), 0);
  await fork.click();
  await until(async () => await page.locator(".column").count() === 4);
  await until(async () =>
    await page.locator('.column article[aria-busy="true"] .tokens').count() === 4
  );
  await page.getByRole("button", { name: "Go on with 2" }).click();
  await until(async () => {
    const { models } = await ui.api("/diag");
    return models.find(({ name }: { name: string }) => name === "endless").sequences.running === 1;
  });
  await page.keyboard.press("Escape");
  await until(async () =>
    await page.locator('article.message.assistant[aria-busy="true"]').count() === 0
  );
});
