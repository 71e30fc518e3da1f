import { ShimmyError } from "../../../errors.ts";
import type { LoadedModel } from "../../loading/mod.ts";
import { type FromEngineCore, serializeError } from "../../protocol/mod.ts";
import type { LongPrompts } from "./long_prompts.ts";
import { macrotaskYield, type Yield } from "../macrotask_yield.ts";

/** Replies to the calls of the public interface. */
export class Replies {
  readonly #model: () => LoadedModel | null;
  readonly #longPrompts: LongPrompts;
  readonly #post: (message: FromEngineCore) => void;
  #waiting = 0;
  /** Yields between two parts of a later reply. */
  readonly pause: Yield = macrotaskYield();

  /** @param model the loaded model; null before the load and after the unload. */
  constructor(
    model: () => LoadedModel | null,
    longPrompts: LongPrompts,
    post: (message: FromEngineCore) => void,
  ) {
    this.#model = model;
    this.#longPrompts = longPrompts;
    this.#post = post;
  }

  /** Calls whose answers are not there yet. The loop must yield, or they would wait for its end. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Replies at once. An error of `answer` refuses the call. */
  reply(call: number, answer: (model: LoadedModel) => unknown): void {
    try {
      this.#post({ type: "reply", call, value: answer(this.#loaded()) });
    } catch (error) {
      this.#refuse(call, error);
    }
  }

  /** Begins an answer at once, and replies when it is there. */
  replyAfter(call: number, answer: (model: LoadedModel) => Promise<unknown>): void {
    let answering: Promise<unknown>;
    try {
      answering = answer(this.#loaded());
    } catch (error) {
      return this.#refuse(call, error);
    }
    this.#waiting++;
    void answering.then(
      (value) => this.#post({ type: "reply", call, value }),
      (error) => this.#refuse(call, error),
    ).finally(() => this.#waiting--);
  }

  /** Replies after the long prompts that wait, while the loop goes on. */
  replyLater(call: number, answer: (model: LoadedModel) => Promise<unknown>): void {
    let model: LoadedModel;
    try {
      model = this.#loaded();
      this.#longPrompts.checkRoom();
    } catch (error) {
      return this.#refuse(call, error);
    }
    this.#longPrompts.add(async () => {
      const outcome = await answer(model).then(
        (value) => () => value,
        (error: unknown) => () => {
          throw error;
        },
      );
      this.reply(call, outcome);
    });
  }

  #loaded(): LoadedModel {
    const model = this.#model();
    if (model === null) throw new ShimmyError("backend", "The model is not loaded");
    return model;
  }

  #refuse(call: number, error: unknown): void {
    this.#post({ type: "refused", call, error: serializeError(error) });
  }
}
