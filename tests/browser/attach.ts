/** What the tests of attached files do with a page. */
import type { Locator, Page } from "test:playwright-core";

/** The label of the field that takes files. */
export const FILES = "Files to attach";

/** The list of attached files. */
export function attached(page: Page): Locator {
  return page.getByRole("list", { name: "Attached files" });
}

/** Makes the page take a model, or all of them, for one that reads images or sounds. The server does not. */
export async function pretend(
  page: Page,
  capability: "vision" | "audio",
  name?: string,
): Promise<void> {
  await page.route("**/api/models", async (route) => {
    const list = await (await route.fetch()).json();
    for (const model of list.models) {
      if (name === undefined || model.name === name) model.capabilities.push(capability);
    }
    await route.fulfill({ json: list });
  });
}

/** How an image of {@linkcode give} is made. */
export interface Drawing {
  /** Media type. */
  readonly type: string;
  /** Pixels of a side. */
  readonly side?: number;
}

/** Drops or pastes an image that the browser draws: a red square on white. */
export async function give(
  page: Page,
  event: "drop" | "paste",
  { type, side = 64 }: Drawing,
): Promise<void> {
  await page.evaluate(
    `(async ([event, type, side]) => {
      const canvas = new OffscreenCanvas(side, side);
      const context = canvas.getContext("2d");
      context.fillStyle = "white";
      context.fillRect(0, 0, side, side);
      context.fillStyle = "red";
      context.fillRect(side / 4, side / 4, side / 2, side / 2);
      const blob = await canvas.convertToBlob({ type });
      const data = new DataTransfer();
      data.items.add(new File([blob], event + "." + type.split("/")[1], { type }));
      const [target, made] = event === "drop"
        ? [document.querySelector(".messages"), new DragEvent(event, { dataTransfer: data, bubbles: true, cancelable: true })]
        : [document.getElementById("composer"), new ClipboardEvent(event, { clipboardData: data, bubbles: true, cancelable: true })];
      target.dispatchEvent(made);
    })(${JSON.stringify([event, type, side])})`,
  );
}
