import { append } from "../../../../append.ts";
import type { AnswerEvent, AnswerLogprob, ToolCall } from "../../../../chat/mod.ts";
import type { PromptLogprob } from "../../../../engine/protocol/mod.ts";
import { ShimmyError } from "../../../../errors.ts";

/** The last event of an answer. */
export type Done = Extract<AnswerEvent, { type: "done" }>;

/** Collects the events of an answer for a response without streaming. */
export class CollectedAnswer {
  text = "";
  reasoning = "";
  readonly promptLogprobs: PromptLogprob[] = [];
  readonly logprobs: AnswerLogprob[] = [];
  readonly reasoningLogprobs: AnswerLogprob[] = [];
  readonly #calls: { id: string; name: string; arguments: string }[] = [];
  #done: Done | null = null;

  add(event: AnswerEvent): void {
    switch (event.type) {
      case "prompt":
        append(this.promptLogprobs, event.logprobs);
        break;
      case "text":
        this.text += event.text;
        append(this.logprobs, event.logprobs);
        break;
      case "reasoning":
        this.reasoning += event.text;
        append(this.reasoningLogprobs, event.logprobs);
        break;
      case "tool_call":
        this.#calls[event.index] = { id: event.id, name: event.name, arguments: "" };
        break;
      case "tool_arguments":
        this.#calls[event.index]!.arguments += event.text;
        break;
      case "done":
        this.#done = event;
    }
  }

  get toolCalls(): readonly ToolCall[] {
    return this.#calls;
  }

  /** The last event; only available after the end. */
  get done(): Done {
    if (this.#done === null) throw new ShimmyError("backend", "Generation ended without a result");
    return this.#done;
  }
}
