/**
 * Records the pictures of the web page in docs/images: a real server, the tiny model, Chromium.
 *
 *     deno task docs:screens
 */
import { fileURLToPath } from "node:url";
import { PIRATE_LORA, TINY_F16 } from "../support/engine.ts";
import { endedAnswer, openChat, say, setSampling } from "./chat.ts";
import { findChromium } from "./chromium.ts";
import { TINY_NAME, Ui } from "./ui.ts";

const FOLDER = new URL("../../docs/images/", import.meta.url);

const STORY = { prompt: "Tell me a story.", max_tokens: 3000, temperature: 0, ignore_eos: true };

const DESKTOP = { width: 1180, height: 760 };

async function save(ui: Ui, name: string): Promise<void> {
  const path = fileURLToPath(new URL(`web-${name}.png`, FOLDER));
  await ui.page.screenshot({ path, animations: "disabled" });
  console.error(`Wrote ${path}`);
}

const found = await findChromium();
if ("reason" in found) throw new Error(found.reason);
await using ui = await Ui.start(found.program, {
  models: { "talker.gguf": TINY_F16, "pirate.gguf": PIRATE_LORA },
  context: { viewport: DESKTOP, colorScheme: "light" },
});
const { page } = ui;
await openChat(ui, TINY_NAME);
await setSampling(page, "temperature", 0.7);
await page.getByRole("checkbox", { name: /^Show tokens/ }).check();
for (const question of ["What is the capital of France?", "Tell me a story about a fox."]) {
  await say(page, question);
  await endedAnswer(page);
}
// A token that was not certain.
await page.locator(".tokens .p1, .tokens .p2, .tokens .p3").first().click();
await page.getByRole("list", { name: "Alternatives" }).waitFor();
await save(ui, "chat");
await page.emulateMedia({ colorScheme: "dark" });
await save(ui, "chat-dark");
await page.keyboard.press("Escape");
await page.setViewportSize({ width: 390, height: 760 });
// On a narrow page they lie above the chat.
for (const name of ["List of chats", "Steering"]) {
  const button = page.getByRole("button", { name, exact: true });
  if (await button.getAttribute("aria-pressed") === "true") await button.click();
}
await page.locator(".tokens").last().scrollIntoViewIfNeeded();
await save(ui, "phone");
await page.emulateMedia({ colorScheme: "light" });
await page.setViewportSize(DESKTOP);
await ui.open("#/models");
await page.locator(`.card[data-model="${TINY_NAME}"][data-state="loaded"]`).waitFor();
await page.locator('.card[data-model="talker"]').getByRole("button", { name: "Plan" }).click();
await page.locator(".plan").waitFor();
await save(ui, "models");
await page.keyboard.press("Escape");
await ui.open("#/machine");
const answers = [1, 2, 3].map((seed) => ui.server.generate({ ...STORY, seed }));
await page.getByRole("table").first().waitFor();
await page.waitForTimeout(4_000);
await save(ui, "machine");
await ui.open("#/api");
await page.getByRole("link", { name: "POST /v1/chat/completions", exact: true }).click();
await page.getByRole("button", { name: "Send" }).click();
await page.locator('.result[data-state="done"]').waitFor();
await save(ui, "api");
for (const answer of answers) await (await answer).body?.cancel();
