/** What answers consist of: reasoning, code, calls of tools; and the way through their branches by keys. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Buffer } from "node:buffer";
import { answers, endedAnswer, openChat, say, setSampling, textOf, untilAnswer } from "./chat.ts";
import { TINY_NAME, uiTest, until } from "./ui.ts";

const PARIS = "The capital of France is Paris.";

uiTest(
  "the system prompt acts, and the reasoning is folded when the answer has come",
  async (start) => {
    await using ui = await start();
    const { page } = ui;
    await openChat(ui, TINY_NAME);
    await setSampling(page, "temperature", 0);
    const system = page.getByRole("textbox", { name: "System prompt" });
    await system.fill("You are a pirate.");
    await system.blur();
    await say(page, "What is the capital of France?");
    assertEquals(await textOf(await endedAnswer(page)), `Arr! ${PARIS}`);
    await page.getByRole("button", { name: "New chat" }).click();
    await system.fill("");
    await system.blur();
    await say(page, "What is the capital of France? /think");
    await until(async () => await answers(page).count() === 1);
    const answer = await endedAnswer(page);
    const thoughts = answer.locator("details.reasoning");
    await thoughts.waitFor();
    assertEquals(await thoughts.getAttribute("open"), null);
    assert(!(await answer.innerText()).includes("The user says"));
    await thoughts.locator("summary").click();
    assertStringIncludes(await thoughts.innerText(), "The user says");
    await page.reload();
    await untilAnswer(page, (text) => text.includes(PARIS));
    assertEquals(await thoughts.count(), 1);
  },
);

uiTest("a tool is called, gets its result, and the answer uses it", async (start) => {
  await using ui = await start();
  const { page } = ui;
  await openChat(ui, TINY_NAME);
  await setSampling(page, "temperature", 0);
  await page.getByText("Tools", { exact: true }).click();
  const tools = page.getByRole("textbox", { name: /^JSON list/ });
  await tools.fill("{}");
  await tools.blur();
  await page.getByText("The tools must be a JSON list.").waitFor();
  const parameters = {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
  };
  const weather = { name: "get_weather", description: "Get the weather in a city", parameters };
  await tools.fill(JSON.stringify([{ type: "function", function: weather }]));
  await tools.blur();
  await say(page, "What is the weather in Paris?");
  const answer = await endedAnswer(page);
  await answer.getByText("Calls the tool get_weather").waitFor();
  assertStringIncludes(await answer.locator(".tool-call pre").innerText(), "Paris");
  await answer.getByRole("textbox", { name: "Result of get_weather" }).fill(
    '{"weather": "sunny", "temperature": 21}',
  );
  await answer.getByRole("button", { name: "Send the results" }).click();
  await until(async () => await answers(page).count() === 2);
  assertStringIncludes(await textOf(await endedAnswer(page)), "sunny");
  await page.locator("article.message.tool").getByText("Tool result").waitFor();
});

uiTest("code is coloured and copied", async (start) => {
  await using ui = await start();
  const { page, context } = ui;
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await openChat(ui, TINY_NAME);
  const code = "const a = 1;\nconsole.log(`${a} < 2`);";
  const messages = [
    { id: "a", parent: null, role: "user", content: "Code" },
    { id: "b", parent: "a", role: "assistant", content: `Here:\n\n\`\`\`ts\n${code}\n\`\`\`\n` },
  ];
  await page.getByLabel("File to import").setInputFiles({
    name: "chat.json",
    mimeType: "application/json",
    buffer: Buffer.from(
      JSON.stringify({ format: "shimmy-conversation", version: 1, title: "Code", messages }),
    ),
  });
  const block = answers(page).locator(".code");
  await block.locator(".hljs-keyword").first().waitFor();
  await block.getByRole("button", { name: "Copy" }).click();
  await page.getByText("Copied").waitFor();
  assertEquals(await page.evaluate("navigator.clipboard.readText()"), code);
});

uiTest(
  "the arrow keys walk through the branches, and not while a text is written",
  async (start) => {
    await using ui = await start();
    const { page } = ui;
    await openChat(ui, TINY_NAME);
    await setSampling(page, "temperature", 0);
    await page.locator("#composer").fill("What is the capital of France?");
    await page.locator("#composer").press("Control+Enter");
    await endedAnswer(page);
    await page.getByRole("button", { name: "Answer again" }).click();
    const place = (text: string) => answers(page).getByText(text, { exact: true });
    await place("2/2").waitFor();
    await endedAnswer(page);
    await page.locator("#composer").fill("text");
    await page.locator("#composer").press("ArrowLeft");
    await place("2/2").waitFor();
    await page.locator(".messages").focus();
    await page.keyboard.press("ArrowLeft");
    await place("1/2").waitFor();
    await page.keyboard.press("ArrowRight");
    await place("2/2").waitFor();
    await page.keyboard.press("?");
    await page.getByRole("dialog").getByText("Previous branch of the message").waitFor();
  },
);
