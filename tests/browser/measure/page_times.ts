import { delay } from "@std/async/delay";
import type { Browser, Page } from "test:playwright-core";

/** Collects the times between the frames of the screen, from now on. */
const RECORD_FRAMES = `(() => {
  const times = [];
  window.recordedFrames = times;
  let last = performance.now();
  const tick = (now) => {
    times.push(now - last);
    last = now;
    if (window.recordedFrames === times) requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
})()`;

/** Milliseconds between frames of the screen while work is done. */
export async function framesDuring(page: Page, work: () => Promise<void>): Promise<number[]> {
  await page.evaluate(RECORD_FRAMES);
  await work();
  const times = await page.evaluate<number[]>("window.recordedFrames");
  await page.evaluate("window.recordedFrames = null");
  // The first one has begun before the work.
  return times.slice(1);
}

/** Milliseconds from the start of a navigation to the first contentful paint. */
export async function firstPaint(page: Page): Promise<number> {
  for (;;) {
    const found = await page.evaluate<number | null>(
      "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null",
    );
    if (found !== null) return found;
    await delay(10);
  }
}

/** First paints of a page: in new profiles, and by reloads of one that has the page. */
export async function firstPaints(
  browser: Browser,
  address: string,
  count: number,
): Promise<{ readonly first: number[]; readonly again: number[] }> {
  const first: number[] = [];
  for (let round = 0; round < count; round++) {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(address);
    first.push(await firstPaint(page));
    await context.close();
  }
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(address);
  const again: number[] = [];
  for (let round = 0; round < count; round++) {
    await page.reload();
    again.push(await firstPaint(page));
  }
  await context.close();
  return { first, again };
}

/** Collects the time from each key to the frame after it. */
const RECORD_KEYS = `(() => {
  const times = window.recordedKeys = [];
  addEventListener("keydown", ({ timeStamp }) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => times.push(performance.now() - timeStamp);
    port2.postMessage(null);
  }), true);
})()`;

/** Milliseconds from each typed key to the frame of the screen after it. */
export async function keyTimes(page: Page, text: string): Promise<number[]> {
  await page.evaluate(RECORD_KEYS);
  await page.locator("#composer").pressSequentially(text, { delay: 30 });
  return await page.evaluate<number[]>("window.recordedKeys");
}

/** Scrolls the messages from their end to their beginning, with each frame of the screen a part of it. */
export async function scrollThrough(page: Page, frames: number): Promise<void> {
  await page.evaluate(`new Promise((resolve) => {
    const list = document.querySelector(".messages");
    const step = list.scrollHeight / ${frames};
    const tick = () => {
      list.scrollTop -= step;
      if (list.scrollTop > 0) requestAnimationFrame(tick);
      else resolve();
    };
    requestAnimationFrame(tick);
  })`);
}
