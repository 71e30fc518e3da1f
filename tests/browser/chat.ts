/** What the tests of chats do with a page. */
import type { Locator, Page } from "test:playwright-core";
import { storiesModel } from "../models/stories.ts";
import { type Ui, type UiOptions, until } from "./ui.ts";

/** Tokens of the endless model's context: it does not fill it while a test runs. */
const LONG = 100_000;

/** A folder with a model that never ends an answer by itself, and the options of a server for it. */
export class EndlessModel implements AsyncDisposable {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async write(): Promise<EndlessModel> {
    const folder = await Deno.makeTempDir();
    await Deno.writeFile(`${folder}/endless.gguf`, storiesModel(false, LONG));
    return new EndlessModel(folder);
  }

  get options(): UiOptions {
    return {
      models: { "endless.gguf": `${this.#folder}/endless.gguf` },
      args: ["--parallel", "4"],
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** Opens the chat with a model. */
export async function openChat(ui: Ui, model: string): Promise<void> {
  await ui.open("#/chat");
  const { page } = ui;
  await page.locator("#model option", { hasText: model }).last().waitFor({ state: "attached" });
  await page.locator("#model").selectOption(model);
}

/** Sends a message. */
export async function say(page: Page, text: string): Promise<void> {
  await page.locator("#composer").fill(text);
  await page.locator("#composer").press("Enter");
}

/** The answers of the shown branch. */
export function answers(page: Page): Locator {
  return page.locator("article.message.assistant");
}

/** The last answer, when it has ended. */
export async function endedAnswer(page: Page): Promise<Locator> {
  const last = answers(page).last();
  await until(async () => await last.getAttribute("aria-busy") === "false");
  return last;
}

/**
 * Waits until the last answer has ended and has a text. A page that was reloaded before the history had the text
 * shows the answer without it, until the server has sent it again.
 */
export async function untilAnswer(page: Page, isText: (text: string) => boolean): Promise<void> {
  await until(async () => isText(await textOf(await endedAnswer(page))));
}

/** The text of an answer without its name and its actions. */
export async function textOf(answer: Locator): Promise<string> {
  return (await answer.locator("> div").first().innerText()).trim();
}

/** The letters of random text. Its signs are shown as they are, or as Markdown when that has been rendered. */
export function lettersOf(shown: string): string {
  return shown.replaceAll(/[^a-z]/gi, "");
}

/** Sets a field of sampling with its slider, and opens the panel for it. */
export async function setSampling(page: Page, name: string, value: number): Promise<void> {
  const slider = page.locator(`#sampling-${name}`);
  if (!await slider.isVisible()) {
    await page.getByRole("button", { name: "Steering", exact: true }).click();
  }
  await slider.fill(String(value));
}

/** Requests that run on the server. */
export async function running(ui: Ui): Promise<number> {
  const { models } = await ui.api("/diag");
  return models.reduce(
    (sum: number, { queue }: { queue?: { running: number; waiting: number } }) =>
      sum + (queue?.running ?? 0) + (queue?.waiting ?? 0),
    0,
  );
}
