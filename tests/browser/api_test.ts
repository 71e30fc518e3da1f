import { assertEquals, assertStringIncludes } from "@std/assert";
import { TINY_NAME, uiTest, until } from "./ui.ts";

uiTest("every route of the document is listed and can be read", async (start) => {
  await using ui = await start();
  const { page } = ui;
  const { paths } = await ui.api("/openapi.json");
  const count = Object.values(paths as Record<string, object>)
    .reduce((sum, methods) => sum + Object.keys(methods).length, 0);
  await ui.open("#/api");
  const links = page.getByRole("navigation", { name: "Routes" }).getByRole("link");
  await links.first().waitFor();
  assertEquals(await links.count(), count);
  await page.getByRole("searchbox", { name: "Search routes" }).fill("embeddings openai");
  await links.filter({ hasText: "/v1/embeddings" }).first().click();
  const article = page.getByRole("article");
  await article.getByRole("cell", { name: "input required" }).waitFor();
});

uiTest(
  "a chat completion is tried, and its snippets name the server and the model",
  async (start) => {
    await using ui = await start();
    const { page, server } = ui;
    await ui.open("#/api");
    await page.getByRole("link", { name: "POST /v1/chat/completions", exact: true }).click();
    const body = page.getByRole("textbox", { name: "Body", exact: true });
    // The models are read beside the routes.
    await until(async () => JSON.parse(await body.inputValue()).model === TINY_NAME);
    const example = JSON.parse(await body.inputValue());
    await body.fill(JSON.stringify({ ...example, temperature: 0, max_tokens: 5 }));
    await page.getByRole("button", { name: "Send" }).click();
    const result = page.locator('.result[data-state="done"]');
    await result.waitFor();
    const shown = JSON.parse(await result.getByLabel("Body of the response").innerText());
    assertEquals(shown.choices[0].message.role, "assistant");
    assertEquals(shown.usage.completion_tokens <= 5, true);
    for (const language of ["curl", "Python", "TypeScript"]) {
      await page.getByRole("button", { name: language }).click();
      const snippet = await page.getByLabel("Snippet", { exact: true }).innerText();
      assertStringIncludes(snippet, server.url("/v1/chat/completions"));
      assertStringIncludes(snippet, TINY_NAME);
    }
  },
);

uiTest("errors of the server and of the body are shown", async (start) => {
  await using ui = await start();
  const { page } = ui;
  await ui.open("#/api");
  await page.getByRole("link", { name: "POST /api/generate", exact: true }).click();
  const body = page.getByRole("textbox", { name: "Body", exact: true });
  await body.fill("{");
  await page.getByText(/The body is no JSON/).waitFor();
  assertEquals(await page.getByRole("button", { name: "Send" }).isDisabled(), true);
  await body.fill('{"prompt": "Hi", "temperature": -1}');
  await page.getByRole("button", { name: "Send" }).click();
  const result = page.locator('.result[data-state="done"]');
  await result.waitFor();
  assertStringIncludes(await result.innerText(), "400");
  assertStringIncludes(await result.innerText(), "temperature");
});

uiTest("a stream without an end is read and stopped", async (start) => {
  await using ui = await start();
  const { page } = ui;
  await ui.open("#/api");
  await page.getByRole("link", { name: "GET /api/events", exact: true }).click();
  await page.getByRole("button", { name: "Send" }).click();
  await page.locator(".result").getByText(/event: status/).waitFor();
  await page.getByRole("button", { name: "Stop" }).click();
  await page.locator('.result[data-state="stopped"]').waitFor();
});
