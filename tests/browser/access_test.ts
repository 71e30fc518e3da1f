import { assertEquals } from "@std/assert";
import { TINY_NAME, uiTest } from "./ui.ts";

uiTest("a wrong key is refused, the right one is kept until the tab is closed", async (start) => {
  await using ui = await start({ args: ["--api-key", "right-key"] });
  const { page } = ui;
  await ui.open("#/models");
  const key = page.getByLabel("Key", { exact: true });
  await key.fill("wrong-key");
  await key.press("Enter");
  await page.getByText("The server does not accept this key.").waitFor();
  await key.fill("right-key");
  await key.press("Enter");
  await page.locator(`.card[data-model="${TINY_NAME}"]`).waitFor();
  await page.reload();
  await page.locator(`.card[data-model="${TINY_NAME}"]`).waitFor();
  const stored = await page.evaluate<string>("JSON.stringify({ ...localStorage })");
  assertEquals(stored.includes("right-key"), false);
});
