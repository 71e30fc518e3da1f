/** Attached files: too many for a request, too large to be stored, and how images are sent. */
import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import type { Page } from "test:playwright-core";
import { TINY_F16 } from "../support/engine.ts";
import { bmp, joined, pattern } from "../support/pictures.ts";
import { attached, FILES, give, pretend } from "./attach.ts";
import { answers, endedAnswer, openChat, say } from "./chat.ts";
import { TINY_NAME, uiTest, until } from "./ui.ts";

/** A BMP file of about 230 kB. */
const picture = (name: string) => ({
  name,
  mimeType: "image/bmp",
  buffer: Buffer.from(bmp(320, 240, pattern(1))),
});

/** A text file of 1.9 MB. */
const notes = (name: string) => ({
  name,
  mimeType: "text/plain",
  buffer: Buffer.from("The sky is green.\n".repeat(1.9e6 / 18)),
});

uiTest("files that are too much for a request are named before they are sent", async (start) => {
  await using ui = await start({ args: ["--max-body", "512KiB"] });
  const { page } = ui;
  await pretend(page, "vision");
  await openChat(ui, TINY_NAME);
  let sent = 0;
  page.on("request", (request) => void (sent += Number(request.url().endsWith("/generate"))));
  await page.getByLabel(FILES).setInputFiles([picture("one.bmp"), picture("two.bmp")]);
  const note = page.getByRole("alert").getByText(/^Too much for a request/);
  await note.getByText(/takes 512 KiB .* Remove two\.bmp\.$/).waitFor();
  await say(page, "What is this?");
  assert(await page.getByRole("button", { name: "Send" }).isDisabled());
  assertEquals(sent, 0);
  await page.getByRole("button", { name: "Remove two.bmp" }).click();
  await note.waitFor({ state: "detached" });
  await page.locator("#composer").press("Enter");
  await until(async () => await answers(page).count() === 1);
  await endedAnswer(page);
  assertEquals(sent, 1);
  // The messages of the branch count too.
  await page.getByLabel(FILES).setInputFiles(picture("three.bmp"));
  await note.getByText(/Remove three\.bmp\.$/).waitFor();
  await page.getByRole("button", { name: "New chat" }).click();
  await page.locator("#composer").fill("a".repeat(600_000));
  await page.getByRole("alert").getByText(/shorten the text, or begin a new chat/).waitFor();
});

uiTest("a request that the server does not take is explained", async (start) => {
  await using ui = await start({ args: ["--max-body", "128KiB"] });
  const { page } = ui;
  await openChat(ui, TINY_NAME);
  await say(page, "a".repeat(100_000));
  await endedAnswer(page);
  // The edited message is longer than the one that was sent.
  await page.locator("article.message.user").getByRole("button", { name: "Edit" }).click();
  const field = page.getByRole("textbox", { name: "Text of the message" });
  await field.fill("a".repeat(140_000));
  await page.getByRole("button", { name: "Send as a branch" }).click();
  await answers(page).getByText(/The request is larger than the server, or a proxy/).waitFor();
  // A proxy may take less than the server, of which the page does not know. It may close the connection.
  for (
    const [status, words] of [[413, /The request is larger/], [
      0,
      /or does not take a request of/,
    ]] as const
  ) {
    await page.route("**/api/generate", async (route) => {
      if (status === 0) await route.abort("connectionreset");
      else await route.fulfill({ status: 413, body: "<html>Request Entity Too Large</html>" });
    });
    await page.getByRole("button", { name: "New chat" }).click();
    await say(page, "a".repeat(100_000));
    await answers(page).getByText(words).waitFor();
    await page.unroute("**/api/generate");
  }
});

uiTest("attached files that are not stored stay until the page is reloaded", async (start) => {
  await using ui = await start();
  const { page } = ui;
  await openChat(ui, TINY_NAME);
  const files = [1, 2, 3, 4].map((at) => notes(`part-${at}.txt`));
  await page.getByLabel(FILES).setInputFiles(files.slice(0, 1));
  await attached(page).getByText("part-1.txt").waitFor();
  const note = page.getByText(/^A reload of the page loses these files/);
  assertEquals(await note.count(), 0);
  await page.getByLabel(FILES).setInputFiles(files.slice(1));
  await note.getByText("part-1.txt, part-2.txt, part-3.txt, part-4.txt").waitFor();
  await page.getByRole("link", { name: "Models" }).click();
  await page.getByRole("link", { name: "Chat", exact: true }).click();
  await attached(page).getByText("part-4.txt").waitFor();
  assertEquals(await attached(page).getByRole("listitem").count(), 4);
  await note.waitFor();
  await page.reload();
  await page.locator("#composer").waitFor();
  assertEquals(await attached(page).count(), 0);
  assertEquals(await note.count(), 0);
});

uiTest("each of two models is asked whether it sees", async (start) => {
  await using ui = await start({ models: { "talker.gguf": TINY_F16 } });
  const { page } = ui;
  await pretend(page, "vision", TINY_NAME);
  await openChat(ui, TINY_NAME);
  await page.getByLabel(FILES).setInputFiles(picture("cat.bmp"));
  await attached(page).getByText("cat.bmp").waitFor();
  assertEquals(await page.getByRole("alert").count(), 0);
  await page.getByRole("button", { name: "Compare with a second model" }).click();
  await page.getByRole("combobox", { name: "Second model" }).selectOption("talker");
  const note = page.getByRole("alert").getByText(/^talker takes no images: choose another model/);
  await note.waitFor();
  await page.getByRole("combobox", { name: "Second model" }).selectOption(TINY_NAME);
  await note.waitFor({ state: "detached" });
});

/** The type of the first attached image, its size, and whether its upper left and lower right are red. */
async function sentImage(page: Page): Promise<readonly unknown[]> {
  await attached(page).locator("img").first().waitFor();
  return await page.evaluate(`(async () => {
    const image = document.querySelector(".files img");
    await image.decode();
    const [width, height] = [image.naturalWidth, image.naturalHeight];
    const context = new OffscreenCanvas(width, height).getContext("2d");
    context.drawImage(image, 0, 0);
    const isRed = (x, y) => context.getImageData(x, y, 1, 1).data[1] < 100;
    const corners = [isRed(width * 0.25, height * 0.25), isRed(width * 0.75, height * 0.75)];
    return [/^data:([^;]*)/.exec(image.src)[1], width, height, ...corners];
  })()`);
}

/**
 * A JPEG file that the browser draws, whose left half is red. Its Exif data tell to turn it clockwise, so that
 * the upper half is red.
 */
async function turnedJpeg(page: Page, width: number, height: number): Promise<Buffer> {
  const plain = await page.evaluate<number[]>(`(async () => {
    const canvas = new OffscreenCanvas(${width}, ${height});
    const context = canvas.getContext("2d");
    context.fillStyle = "white";
    context.fillRect(0, 0, ${width}, ${height});
    context.fillStyle = "red";
    context.fillRect(0, 0, ${width} / 2, ${height});
    const blob = await canvas.convertToBlob({ type: "image/jpeg" });
    return [...new Uint8Array(await blob.arrayBuffer())];
  })()`);
  const bytes = Uint8Array.from(plain);
  const tiff = [
    0x4d,
    0x4d,
    0,
    42,
    0,
    0,
    0,
    8,
    0,
    1,
    1,
    0x12,
    0,
    3,
    0,
    0,
    0,
    1,
    0,
    6,
    0,
    0,
    0,
    0,
    0,
    0,
  ];
  const exif = [...new TextEncoder().encode("Exif\0\0"), ...tiff];
  const segment = Uint8Array.from([0xff, 0xe1, 0, exif.length + 2, ...exif]);
  return Buffer.from(joined([bytes.subarray(0, 2), segment, bytes.subarray(2)]));
}

uiTest("a photo that was taken with a turned camera arrives upright", async (start) => {
  await using ui = await start();
  const { page } = ui;
  await pretend(page, "vision");
  await openChat(ui, TINY_NAME);
  const cases = [[64, 32, "image/png", 32, 64], [8_000, 5_000, "image/png", 1_280, 2_048]] as const;
  for (const [width, height, ...expected] of cases) {
    const buffer = await turnedJpeg(page, width, height);
    await page.getByLabel(FILES).setInputFiles({ name: "a.jpg", mimeType: "image/jpeg", buffer });
    assertEquals(await sentImage(page), [...expected, true, false]);
    await page.getByRole("button", { name: "Remove a.jpg" }).click();
    await attached(page).waitFor({ state: "detached" });
  }
});

uiTest("a WebP image is sent as it is, an AVIF image is refused or converted", async (start) => {
  await using ui = await start();
  const { page } = ui;
  await pretend(page, "vision");
  await openChat(ui, TINY_NAME);
  await give(page, "drop", { type: "image/webp" });
  assertEquals((await sentImage(page)).slice(0, 3), ["image/webp", 64, 64]);
  assertEquals(await page.getByText(/is sent as a/).count(), 0);
  await page.getByLabel(FILES).setInputFiles({
    name: "photo.heic",
    mimeType: "image/heic",
    buffer: Buffer.from("\0\0\0\x18ftypheic"),
  });
  await page.getByText("Cannot attach photo.heic: this browser cannot read the image").waitFor();
});
