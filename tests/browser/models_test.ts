import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { halted, HubDouble, sendBytes, sha256 } from "../doubles/hub.ts";
import { PIRATE_LORA, TINY, TINY_F16 } from "../support/engine.ts";
import { TINY_NAME, uiTest, until } from "./ui.ts";

/** The card of a model, in a state if one is given. */
function card(name: string, state?: string): string {
  return `.card[data-model="${name}"]${state === undefined ? "" : `[data-state="${state}"]`}`;
}

uiTest("a model is unloaded and loaded, also by other clients", async (start) => {
  await using ui = await start();
  const { page } = ui;
  const status = async () => (await ui.api(`/api/models/${TINY_NAME}/status`)).state;
  await ui.open("#/models");
  await page.locator(card(TINY_NAME, "loaded")).waitFor();
  await page.locator(card(TINY_NAME)).getByRole("button", { name: "Unload" }).click();
  await page.locator(card(TINY_NAME, "unloaded")).waitFor();
  assertEquals(await status(), "unloaded");
  await page.locator(card(TINY_NAME)).getByRole("button", { name: "Load", exact: true }).click();
  await page.locator(card(TINY_NAME, "loaded")).waitFor();
  assertEquals(await status(), "loaded");
  await ui.api(`/api/models/${TINY_NAME}/unload`, { method: "POST" });
  await page.locator(card(TINY_NAME, "unloaded")).waitFor();
});

uiTest("a plan shows a bar for each device before the model is loaded", async (start) => {
  await using ui = await start({ models: { "talker.gguf": TINY_F16 } });
  const { page } = ui;
  await ui.open("#/models");
  await page.locator(card("talker")).getByRole("button", { name: "Plan" }).click();
  const plan = page.getByRole("dialog").locator(".plan");
  await plan.waitFor();
  const facts = await ui.api("/api/models/talker/plan");
  assertEquals(await plan.getAttribute("data-fits"), String(facts.fits));
  assertEquals(await plan.locator(".device-bar").count(), facts.devices.length);
  assertEquals(await plan.locator(".strip .cell").count(), facts.layers);
  assertStringIncludes(await plan.innerText(), facts.context.reason);
  assertEquals((await ui.api("/api/models/talker/status")).state, "unloaded");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
});

uiTest("adapters are loaded, scaled and unloaded", async (start) => {
  await using ui = await start({ models: { "talker.gguf": TINY_F16, "pirate.gguf": PIRATE_LORA } });
  const { page } = ui;
  const adapters = async () => (await ui.api("/api/lora?model=talker")).adapters;
  await ui.open("#/models");
  await page.locator(card("talker")).getByRole("button", { name: "Adapters" }).click();
  const row = page.locator('[data-adapter="pirate"]');
  await row.getByRole("button", { name: "Load" }).click();
  await row.getByRole("slider").fill("0.5");
  await until(async () => (await adapters())[0]?.scale === 0.5);
  await row.getByRole("button", { name: "Unload" }).click();
  await row.getByRole("button", { name: "Load" }).waitFor();
  assertEquals(await adapters(), []);
});

uiTest("a pull is cancelled, goes on, and its model is deleted", async (start) => {
  await using hub = new HubDouble();
  const bytes = await Deno.readFile(TINY);
  hub.models.set("library/little:1b", { layers: [{ kind: "model", bytes }] });
  const go = Promise.withResolvers<void>();
  hub.interfere = (request) =>
    request.url.includes(sha256(bytes))
      ? halted(sendBytes(request, bytes), 5_000, go.promise)
      : null;
  const folder = await Deno.makeTempDir();
  try {
    await using ui = await start({ env: hub.env(folder) });
    const { page } = ui;
    await ui.open("#/models");
    const reference = page.getByRole("textbox", { name: /^Pull a model/ });
    await reference.fill("little:1b");
    await reference.press("Enter");
    const row = page.locator('.pull[data-model="little:1b"]');
    await row.getByText(/ of .*iB/).waitFor();
    await row.getByRole("button", { name: "Cancel" }).click();
    await row.waitFor({ state: "detached" });
    assertEquals((await ui.api("/api/models")).models.length, 1);
    go.resolve();
    hub.interfere = () => null;
    await reference.fill("little:1b");
    await reference.press("Enter");
    await page.locator(card("little:1b")).waitFor();
    await page.locator(card("little:1b")).getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.locator(card("little:1b")).waitFor({ state: "detached" });
    assertEquals((await ui.api("/api/models")).models.length, 1);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

uiTest("a pull that fails says why and can be dismissed", async (start) => {
  await using hub = new HubDouble();
  const folder = await Deno.makeTempDir();
  try {
    await using ui = await start({ env: hub.env(folder) });
    const { page } = ui;
    await ui.open("#/models");
    await page.getByRole("textbox", { name: /^Pull a model/ }).fill("nothing");
    await page.getByRole("button", { name: "Pull" }).click();
    const row = page.locator('.pull[data-model="nothing"]');
    await row.getByText(/does not exist in the registry/).waitFor();
    await row.getByRole("button", { name: "Dismiss" }).click();
    await row.waitFor({ state: "detached" });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

uiTest("models are found by the search", async (start) => {
  await using ui = await start({ models: { "talker.gguf": TINY_F16 } });
  const { page } = ui;
  await ui.open("#/models");
  await page.locator(card("talker")).waitFor();
  // The server deletes only what Shimmy pulled.
  assertEquals(await page.getByRole("button", { name: "Delete" }).count(), 0);
  await page.getByRole("searchbox", { name: "Search models" }).fill("f16 talk");
  await page.locator(card(TINY_NAME)).waitFor({ state: "detached" });
  assert(await page.locator(card("talker")).isVisible());
  await page.getByRole("searchbox", { name: "Search models" }).fill("none");
  assertMatch(await page.locator("main").innerText(), /No model matches/);
});
