/**
 * Measures the web page in Chromium, and prints the table of docs/speed.md: its size, its first paint, and
 * the frames of the screen while tokens come.
 *
 *     deno task measure:page [--seconds N]
 *
 * The figures are meaningful on an idle machine only.
 */
import { Buffer } from "node:buffer";
import { parseArgs } from "@std/cli/parse-args";
import { delay } from "@std/async/delay";
import type { Browser, Page } from "test:playwright-core";
import { machine } from "../../../scripts/bench/machine.ts";
import { median, quantile } from "../../../scripts/bench/stats.ts";
import { table } from "../../../scripts/docs/markdown.ts";
import { answerHelp } from "../../../scripts/usage.ts";
import { say } from "../chat.ts";
import { Chromium, findChromium } from "../chromium.ts";
import { firstPaints, framesDuring, keyTimes, scrollThrough } from "./page_times.ts";
import { startPaced } from "./paced_server.ts";

/** Tokens per second of the answers. */
const RATES = [200, 400];
const LOADS = 10;
/** Messages of the long chat. */
const MESSAGES = 500;
/** Frames of the screen in which the long chat is scrolled through. */
const SCROLLED = 240;
/** Milliseconds between two frames of a screen with 60 in a second. */
const FRAME_MS = 1000 / 60;

/** A row of the table: values in milliseconds. */
function row(name: string, values: readonly number[], share = ""): string[] {
  const text = (ms: number) => ms.toFixed(1);
  return [
    name,
    text(median(values)),
    text(quantile(values, 0.95)),
    text(quantile(values, 0.99)),
    text(Math.max(...values)),
    share,
  ];
}

/** Frames that came in time, of those that a screen shows meanwhile. */
function inTime(values: readonly number[]): string {
  const shown = values.reduce((sum, ms) => sum + Math.max(1, Math.round(ms / FRAME_MS)), 0);
  return `${(values.length / shown * 100).toFixed(1)} %`;
}

async function sizes(origin: string): Promise<readonly [zipped: number, whole: number]> {
  const response = await fetch(`${origin}/ui`, { headers: { "accept-encoding": "gzip" } });
  const html = await response.arrayBuffer();
  const zip = new Blob([html]).stream().pipeThrough(new CompressionStream("gzip"));
  return [(await new Response(zip).arrayBuffer()).byteLength, html.byteLength];
}

/** A page with the chat. Dispose it before its server, which waits for its answers. */
async function openChat(
  browser: Browser,
  origin: string,
  model: string,
): Promise<Page & AsyncDisposable> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = Object.assign(await context.newPage(), {
    [Symbol.asyncDispose]: () => context.close(),
  });
  await page.goto(`${origin}/ui#/chat`);
  await page.locator("#model option", { hasText: model }).last().waitFor({ state: "attached" });
  await page.locator("#model").selectOption(model);
  return page;
}

/** Frames while an answer comes, from its second second on. */
async function answerFrames(page: Page, seconds: number): Promise<number[]> {
  await say(page, "Tell me about the harbour.");
  await page.locator('article.message.assistant[aria-busy="true"] .speed').waitFor();
  await delay(1000);
  const frames = await framesDuring(page, () => delay(seconds * 1000));
  await page.keyboard.press("Escape");
  await page.locator('article.message.assistant[aria-busy="true"]').waitFor({ state: "detached" });
  return frames;
}

/** Imports a long chat. @returns milliseconds until its last message is shown. */
async function importLong(page: Page): Promise<number> {
  const messages = Array.from({ length: MESSAGES }, (_, index) => ({
    id: `m${index}`,
    parent: index === 0 ? null : `m${index - 1}`,
    role: index % 2 === 0 ? "user" : "assistant",
    content: `Message **${index}** of a long chat.\n\n- with a list\n- and \`code\``,
    created: index,
  }));
  const file = { format: "shimmy-conversation", version: 1, title: "A long chat", messages };
  const began = performance.now();
  await page.getByLabel("File to import").setInputFiles({
    name: "long.json",
    mimeType: "application/json",
    buffer: Buffer.from(JSON.stringify(file)),
  });
  await page.locator(`[data-message="m${MESSAGES - 1}"] strong`).waitFor();
  return performance.now() - began;
}

answerHelp(import.meta.url);
const { seconds = "10" } = parseArgs(Deno.args, { string: ["seconds"] });
const found = await findChromium();
if ("reason" in found) {
  console.error(`Cannot measure the page: ${found.reason}`);
  Deno.exit(1);
}
await using chromium = await Chromium.start(found.program);
const { browser } = chromium;
const rows: string[][] = [];
const add = (name: string, values: readonly number[], share = "") => {
  console.error(`${name}: ${median(values).toFixed(1)} ms`);
  rows.push(row(name, values, share));
};
const addFrames = (name: string, frames: readonly number[]) => add(name, frames, inTime(frames));

for (const rate of RATES) {
  await using server = startPaced(rate);
  const { origin, model } = server;
  if (rate === RATES[0]) {
    const [zipped, whole] = await sizes(origin);
    console.log(`Page: ${Math.ceil(zipped / 1024)} KiB compressed, ${Math.ceil(whole / 1024)} KiB`);
    const { first, again } = await firstPaints(browser, `${origin}/ui`, LOADS);
    add("first paint, new profile", first);
    add("first paint, reload", again);
  }
  await using page = await openChat(browser, origin, model);
  addFrames(`frames at ${rate} tokens/s`, await answerFrames(page, Number(seconds)));
  if (rate === RATES[0]) {
    await page.getByRole("button", { name: "Steering", exact: true }).click();
    await page.getByRole("checkbox", { name: /^Show tokens/ }).check();
    addFrames("the same, shown as tokens", await answerFrames(page, Number(seconds)));
    await page.getByRole("checkbox", { name: /^Show tokens/ }).uncheck();
    add(`import of ${MESSAGES} messages`, [await importLong(page)]);
    add("key to frame there", await keyTimes(page, "a message in a long chat"));
    addFrames(
      "frames while scrolling there",
      await framesDuring(page, () => scrollThrough(page, SCROLLED)),
    );
    addFrames(`frames there at ${rate} tokens/s`, await answerFrames(page, Number(seconds)));
  }
}

console.log(`Chromium ${browser.version()}, ${await machine()}; milliseconds`);
console.log(table(["figure", "median", "p95", "p99", "worst", "frames in time"], rows));
