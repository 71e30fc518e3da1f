/** Accessibility and appearance of all pages. */
import axe from "test:axe-core";
import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import type { Page } from "test:playwright-core";
import { TINY_F16 } from "../support/engine.ts";
import { attached, FILES } from "./attach.ts";
import { openChat, setSampling } from "./chat.ts";
import { TINY_NAME, uiTest, until } from "./ui.ts";

const PAGES = ["chat", "models", "machine", "api"];

/** What axe-core finds on a page, a line for each violation with its first element. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<axe.AxeResults>("axe.run(document)");
  return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes[0]?.html}`);
}

/** Whether the page is wider than its window. */
async function isTooWide(page: Page): Promise<boolean> {
  return await page.evaluate<boolean>(
    "document.documentElement.scrollWidth > document.documentElement.clientWidth",
  );
}

for (const colorScheme of ["light", "dark"] as const) {
  for (
    const [device, viewport] of [
      ["a desktop", { width: 1280, height: 800 }],
      ["a phone", { width: 390, height: 844 }],
    ] as const
  ) {
    uiTest(`axe-core finds nothing on ${device} in the ${colorScheme} scheme`, async (start) => {
      await using ui = await start({ context: { colorScheme, viewport } });
      const { page } = ui;
      const found: string[] = [];
      for (const id of PAGES) {
        await ui.open(`#/${id}`);
        await page.locator(`main.page-${id}`).waitFor();
        if (id !== "chat") await page.locator("h1").waitFor();
        if (id === "api") await page.getByRole("link", { name: "POST /v1/completions" }).click();
        if (id === "machine") await page.getByText("live", { exact: true }).waitFor();
        if (id === "models") await page.locator(".card").waitFor();
        found.push(...(await violations(page)).map((text) => `${id}: ${text}`));
        if (await isTooWide(page)) found.push(`${id} is wider than the window`);
      }
      assertEquals(found, []);
    });
  }
}

uiTest("axe-core finds nothing in the dialogs of models", async (start) => {
  await using ui = await start();
  const { page } = ui;
  await ui.open("#/models");
  for (const name of ["Plan", "Adapters"]) {
    await page.getByRole("button", { name }).click();
    await page.getByRole("dialog").locator("p").first().waitFor();
    assertEquals(await violations(page), []);
    await page.keyboard.press("Escape");
  }
});

uiTest("on a phone, all buttons of a chat with two models are in the window", async (start) => {
  const width = 390;
  await using ui = await start({
    models: { "talker-with-a-name-that-is-long-q8_0.gguf": TINY_F16 },
    context: { viewport: { width, height: 844 } },
  });
  const { page } = ui;
  await openChat(ui, TINY_NAME);
  await page.getByRole("button", { name: "Compare with a second model" }).click();
  await page.getByRole("combobox", { name: "Second model" }).waitFor();
  const buttons = await page.locator(".talk-head").locator("button, select").all();
  assertEquals(buttons.length, 5);
  for (const button of buttons) {
    const { x, width: own } = (await button.boundingBox())!;
    assert(
      x >= 0 && x + own <= width,
      `${await button.getAttribute("aria-label")} ends at ${x + own}`,
    );
  }
});

uiTest("the list of keys names how to send a message and how to begin a line", async (start) => {
  await using ui = await start();
  const { page } = ui;
  await ui.open("#/chat");
  await page.locator("#composer").waitFor();
  await page.getByRole("button", { name: "Keyboard shortcuts" }).click();
  const keys = await page.getByRole("dialog").locator("kbd").allInnerTexts();
  for (const key of ["Enter", "Shift+Enter", "Esc"]) assert(keys.includes(key), `${key}: ${keys}`);
});

uiTest("axe-core finds nothing in the notes about attached files", async (start) => {
  await using ui = await start({ args: ["--max-body", "64KiB"] });
  const { page, context } = ui;
  // A browser that stores nothing loses the files with a reload.
  await context.addInitScript(`Storage.prototype.setItem = () => {
    throw new DOMException("The quota has been exceeded.", "QuotaExceededError");
  }`);
  await openChat(ui, TINY_NAME);
  const files = ["one.txt", "two.txt"]
    .map((name) => ({ name, mimeType: "text/plain", buffer: Buffer.alloc(40_000, "a") }));
  await page.getByLabel(FILES).setInputFiles(files);
  await attached(page).getByText("two.txt").waitFor();
  await page.getByText(/^Too much for a request/).waitFor();
  await page.getByText(/^A reload of the page loses these files/).waitFor();
  assertEquals([await violations(page), await isTooWide(page)], [[], false]);
});

uiTest("a window that becomes narrow shows one of its panels", async (start) => {
  await using ui = await start();
  const { page } = ui;
  await openChat(ui, TINY_NAME);
  await setSampling(page, "temperature", 1);
  const list = page.getByRole("region", { name: "Chats" });
  const panel = page.getByRole("region", { name: "Steering" });
  assertEquals([await list.isVisible(), await panel.isVisible()], [true, true]);
  await page.setViewportSize({ width: 390, height: 844 });
  await until(async () => !await list.isVisible());
  assertEquals(await panel.isVisible(), true);
});
