import { assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { writeBroken } from "../models/broken.ts";
import { TINY_NAME, uiTest, until } from "./ui.ts";

const STORY = { prompt: "Tell me a story.", max_tokens: 600, temperature: 0, ignore_eos: true };

uiTest("layers, memory and rates of a loaded model are shown live", async (start) => {
  await using ui = await start();
  const { page, server } = ui;
  await ui.open("#/machine");
  const panel = page.locator(`section[data-model="${TINY_NAME}"]`);
  await panel.getByText("loaded", { exact: true }).waitFor();
  const { loaded } = await ui.api(`/api/models/${TINY_NAME}/status`);
  const placement: readonly { device: string; layers: number }[] = loaded.placement;
  const layers = placement.reduce((sum, part) => sum + part.layers, 0);
  assertGreater(layers, 0);
  assertEquals(await panel.locator(".strip .cell").count(), layers);
  const text = await panel.innerText();
  for (const { device } of placement) assertStringIncludes(text, device);
  const rate = page.locator('[data-tile="completion-rate"] strong');
  // The server has just answered requests that warm it up.
  await until(async () => await rate.innerText() === "0.0 tokens/s");
  const answer = server.generate(STORY);
  await until(async () => await rate.innerText() !== "0.0 tokens/s");
  const { usage } = await (await answer).json();
  const row = page.getByRole("row").filter({ hasText: "POST /api/generate" }).first();
  await row.waitFor();
  assertStringIncludes(await row.innerText(), String(usage.completion_tokens));
});

uiTest("a model that cannot be loaded is an error of its page and of the log", async (start) => {
  const folder = await Deno.makeTempDir();
  try {
    const broken = await writeBroken(folder);
    await using ui = await start({ models: { "broken.gguf": broken } });
    const { page } = ui;
    await ui.open("#/models");
    const card = page.locator('.card[data-model="broken"]');
    await card.getByRole("button", { name: "Load", exact: true }).click();
    await page.locator('.card[data-model="broken"][data-state="failed"]').waitFor();
    const { error } = await ui.api("/api/models/broken/status");
    await card.getByText(error).waitFor();
    await page.getByRole("link", { name: "Machine" }).click();
    const log = page.getByRole("list", { name: "Log" });
    await log.getByText(/listens on http/).waitFor();
    await page.getByRole("combobox").selectOption("error");
    await log.getByText(/listens on http/).waitFor({ state: "detached" });
    assertStringIncludes(await log.innerText(), error);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

uiTest("a connection that cannot be opened is told and opened again", async (start) => {
  await using ui = await start();
  const { page } = ui;
  await page.route("**/api/events", (route) => route.abort());
  await ui.open("#/machine");
  await page.getByText("The server cannot be reached").waitFor();
  await page.unroute("**/api/events");
  await page.getByText("live", { exact: true }).waitFor();
});
