/** Images in chats: attached, kept, exported, edited, and refused where the model takes none. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Buffer } from "node:buffer";
import { fileURLToPath } from "node:url";
import { MEDIA_FOLDER } from "../media/setup.ts";
import { pattern, png } from "../support/pictures.ts";
import { chord, wav } from "../support/sounds.ts";
import { attached, FILES, give, pretend } from "./attach.ts";
import { answers, endedAnswer, openChat, say, setSampling, textOf, untilAnswer } from "./chat.ts";
import { TINY_NAME, type Ui, type UiOptions, uiTest, until } from "./ui.ts";

const SEEING = "shimmy-tiny-vision";
const file = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const picture = (name: string) => file(`../pictures/${name}.png`);

/** A server with the model that sees. */
const WITH_EYES: UiOptions = {
  env: { SHIMMY_LIBLLAMA: MEDIA_FOLDER ?? "" },
  models: {
    [`${SEEING}.gguf`]: file(`../../src/assets/tiny/${SEEING}.gguf`),
    [`mmproj-${SEEING}.gguf`]: file(`../../src/assets/tiny/mmproj-${SEEING}.gguf`),
  },
};

/** A test that needs libmtmd. */
function seeingTest(name: string, fn: Parameters<typeof uiTest>[1]): void {
  if (MEDIA_FOLDER !== null) uiTest(name, fn);
  else Deno.test({ name, ignore: true, fn: () => {} });
}

async function openSeeing(ui: Ui): Promise<void> {
  await openChat(ui, SEEING);
  await setSampling(ui.page, "temperature", 0);
}

seeingTest(
  "an image is answered, kept over a reload, and stays in edits and new answers",
  async (start) => {
    await using ui = await start(WITH_EYES);
    const { page } = ui;
    await openSeeing(ui);
    await page.getByLabel(FILES).setInputFiles(picture("a-blue-7"));
    await attached(page).getByText("a-blue-7.png").waitFor();
    await say(page, "What do you see?");
    const first = await textOf(await endedAnswer(page));
    assertStringIncludes(first, "blue 7");
    assertEquals(await attached(page).count(), 0);
    await page.reload();
    await until(async () => await answers(page).count() === 1);
    await untilAnswer(page, (text) => text === first);
    const image = page.getByRole("img", { name: "a-blue-7.png" });
    await image.waitFor();
    assert(
      await image.evaluate((one) => (one as unknown as { naturalWidth: number }).naturalWidth > 0),
    );
    await page.getByRole("button", { name: "Answer again" }).click();
    await answers(page).getByText("2/2").waitFor();
    await untilAnswer(page, (text) => text === first);
    const question = page.locator("article.message.user");
    await question.getByRole("button", { name: "Edit" }).click();
    await page.getByRole("textbox", { name: "Text of the message" }).fill("Describe the picture.");
    await page.getByRole("button", { name: "Send as a branch" }).click();
    await question.getByText("2/2").waitFor();
    assertStringIncludes(await textOf(await endedAnswer(page)), "blue 7");
    assertEquals(await image.count(), 1);
  },
);

seeingTest(
  "a chat with an image is exported and imported, as JSON and as Markdown",
  async (start) => {
    await using ui = await start(WITH_EYES);
    const { page } = ui;
    await openSeeing(ui);
    await page.getByLabel(FILES).setInputFiles(picture("a-red-3"));
    await say(page, "What do you see?");
    const first = await textOf(await endedAnswer(page));
    for (const format of ["JSON", "Markdown"]) {
      await page.getByRole("button", { name: /^Actions for/ }).first().click();
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("button", { name: `Export as ${format}` }).click(),
      ]);
      await page.getByRole("button", { name: "New chat" }).click();
      await page.getByLabel("File to import").setInputFiles({
        name: `chat.${format === "JSON" ? "json" : "md"}`,
        mimeType: "text/plain",
        buffer: Buffer.from(await Deno.readFile((await download.path())!)),
      });
      await page.getByRole("img", { name: "a-red-3.png" }).waitFor();
      await page.locator("#model").selectOption(SEEING);
      await page.getByRole("button", { name: "Answer again" }).click();
      await answers(page).getByText("2/2").waitFor();
      assertEquals(await textOf(await endedAnswer(page)), first, format);
    }
  },
);

seeingTest(
  "images are dropped and pasted, and a WebP image is answered",
  async (start) => {
    await using ui = await start(WITH_EYES);
    const { page } = ui;
    await openSeeing(ui);
    await give(page, "drop", { type: "image/webp" });
    await attached(page).getByText("drop.webp").waitFor();
    await page.reload();
    await attached(page).getByText("drop.webp").waitFor();
    await say(page, "What do you see?");
    const dropped = await textOf(await endedAnswer(page));
    assertStringIncludes(dropped, "I see a red");
    await page.getByRole("button", { name: "New chat" }).click();
    await give(page, "paste", { type: "image/png" });
    await attached(page).getByText("paste.png").waitFor();
    await page.getByRole("button", { name: "Remove paste.png" }).click();
    await attached(page).waitFor({ state: "detached" });
    await give(page, "paste", { type: "image/png" });
    await say(page, "What do you see?");
    await until(async () => await answers(page).count() === 1);
    assertEquals(await textOf(await endedAnswer(page)), dropped);
  },
);

uiTest("where the model takes no images, the page says so", async (start) => {
  await using ui = await start();
  const { page } = ui;
  await openChat(ui, TINY_NAME);
  const image = Buffer.from(png(40, 30, pattern(1)));
  for (const [model, name] of [[TINY_NAME, "cat.png"], ["", "dog.png"]] as const) {
    await page.locator("#model").selectOption(model);
    await page.getByLabel(FILES).setInputFiles({ name, mimeType: "image/png", buffer: image });
    await page.getByText(`Cannot attach ${name}: ${TINY_NAME} takes no images`).waitFor();
    assertEquals(await attached(page).count(), 0);
  }
  // A chat that has images already.
  const url = `data:image/png;base64,${image.toString("base64")}`;
  const messages = [
    {
      id: "a",
      parent: null,
      role: "user",
      content: "What is this?",
      images: [{ name: "cat.png", url }, { name: "gone.png" }],
    },
    { id: "b", parent: "a", role: "assistant", content: "A cat." },
  ];
  const chat = { format: "shimmy-conversation", version: 1, title: "Cat", messages };
  await page.getByLabel("File to import").setInputFiles({
    name: "cat.json",
    mimeType: "application/json",
    buffer: Buffer.from(JSON.stringify(chat)),
  });
  await page.getByRole("img", { name: "cat.png" }).waitFor();
  await page.getByText("gone.png: no longer kept by this browser").waitFor();
  await page.getByRole("alert").getByText(`${TINY_NAME} takes no images`).waitFor();
  await say(page, "And its colour?");
  await until(async () => await answers(page).count() === 2);
  assertStringIncludes(await (await endedAnswer(page)).innerText(), "the model reads no images");
});

uiTest("files that are neither text nor images are refused with a reason", async (start) => {
  await using ui = await start();
  const { page } = ui;
  await openChat(ui, TINY_NAME);
  const files: readonly (readonly [name: string, bytes: Uint8Array, reason: string])[] = [
    ["data.bin", new Uint8Array([0, 1, 2, 255]), "it is neither text in UTF-8, nor an image"],
    [
      "long.txt",
      new Uint8Array(3 << 20).fill(65),
      "it has 3.0 MiB, and at most 2.0 MiB are allowed",
    ],
  ];
  for (const [name, bytes, reason] of files) {
    await page.getByLabel(FILES).setInputFiles({
      name,
      mimeType: "application/octet-stream",
      buffer: Buffer.from(bytes),
    });
    await page.getByText(`Cannot attach ${name}: ${reason}`).waitFor();
  }
  await page.getByLabel(FILES).setInputFiles({
    name: "notes.txt",
    mimeType: "text/plain",
    buffer: Buffer.from("The sky is green."),
  });
  await attached(page).getByText("notes.txt").waitFor();
  await page.reload();
  await attached(page).getByText("notes.txt").waitFor();
  await say(page, "What?");
  await page.locator("article.message.user").getByText("notes.txt").waitFor();
  await endedAnswer(page);
  await page.reload();
  await until(async () => await answers(page).count() === 1);
  assertEquals(await attached(page).count(), 0);
});

uiTest(
  "a sound is attached, kept and sent, and refused where the model takes none",
  async (start) => {
    await using ui = await start();
    const { page } = ui;
    const sound = {
      name: "tone.wav",
      mimeType: "audio/wav",
      buffer: Buffer.from(wav(1, chord(1))),
    };
    await openChat(ui, TINY_NAME);
    await page.getByLabel(FILES).setInputFiles(sound);
    await page.getByText(`Cannot attach tone.wav: ${TINY_NAME} takes no audio`).waitFor();
    await pretend(page, "audio");
    await page.getByLabel(FILES).setInputFiles(sound);
    await attached(page).getByText("tone.wav").waitFor();
    const [request] = await Promise.all([
      page.waitForRequest("**/api/generate"),
      say(page, "What do you hear?"),
    ]);
    const { messages } = request.postDataJSON();
    const url = `data:audio/wav;base64,${sound.buffer.toString("base64")}`;
    assertEquals(messages, [{ role: "user", content: "What do you hear?", audio: [url] }]);
    await until(async () => await answers(page).count() === 1);
    assertStringIncludes(await (await endedAnswer(page)).innerText(), "the model reads no audio");
    await page.reload();
    const player = page.getByLabel("tone.wav");
    await player.waitFor();
    await until(async () =>
      await player.evaluate((one) => (one as unknown as { duration: number }).duration) === 1
    );
  },
);

uiTest("a large image is made smaller, and a damaged one is refused", async (start) => {
  await using ui = await start();
  const { page } = ui;
  await pretend(page, "vision");
  await openChat(ui, TINY_NAME);
  await give(page, "drop", { type: "image/png", side: 6_000 });
  await page.getByText("drop.png is sent as a PNG of 2048 x 2048 pixels").waitFor();
  await attached(page).getByText("drop.png").waitFor();
  await page.getByLabel(FILES).setInputFiles({
    name: "damaged.png",
    mimeType: "image/png",
    buffer: Buffer.from("no image"),
  });
  await page.getByText("Cannot attach damaged.png: this browser cannot read the image").waitFor();
});

uiTest("a history that an earlier version of the page wrote keeps its chats", async (start) => {
  await using ui = await start();
  const { page } = ui;
  await page.goto(ui.server.url("/health"));
  await page.evaluate(`new Promise((resolve, reject) => {
    const opening = indexedDB.open("shimmy", 1);
    opening.onupgradeneeded = () => {
      const database = opening.result;
      database.createObjectStore("conversations", { keyPath: "id" })
        .put({ id: "c", title: "An old chat", created: 1, changed: 1, isNamed: true, system: "", tools: "",
          model: null, sampling: {}, chosen: {} });
      database.createObjectStore("messages", { keyPath: ["conversation", "id"] })
        .put({ conversation: "c", id: "m", parent: null, role: "user", content: "An old question", created: 1 });
      database.createObjectStore("tokens", { keyPath: ["conversation", "id"] });
    };
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      opening.result.close();
      resolve();
    };
  })`);
  await openChat(ui, TINY_NAME);
  await page.getByRole("link", { name: "An old chat" }).click();
  await page.getByText("An old question").waitFor();
});
