import type { AnswerEvent } from "../../../../chat/mod.ts";
import { Transform } from "../../../../engine/mod.ts";
import type { Indexed } from "../../../answers/mod.ts";
import type { ServerSentEvent } from "../../../http/mod.ts";
import { errorEvent } from "../chat/chat_stream.ts";
import { toFinishReason, toNotices } from "../shared/envelope.ts";
import { transcriptUsage } from "./transcript.ts";

/** The stream of a transcript: its pieces, and then the whole. */
export class TranscriptEvents extends Transform<Indexed<AnswerEvent>, ServerSentEvent> {
  #text = "";

  override event({ value: event }: Indexed<AnswerEvent>): void {
    if (event.type === "text" && event.text !== "") {
      this.#text += event.text;
      this.#event({ type: "transcript.text.delta", delta: event.text });
    }
    if (event.type !== "done") return;
    // An end by the server is an error.
    toFinishReason(event.finishReason);
    this.#event({
      type: "transcript.text.done",
      text: this.#text,
      usage: transcriptUsage(event.usage),
      ...toNotices([event]),
    });
  }

  override end(error?: unknown): void {
    if (error !== undefined) this.out.event(errorEvent(error));
    this.out.end();
  }

  #event(value: { readonly type: string; readonly [field: string]: unknown }): void {
    this.out.event({ event: value.type, data: JSON.stringify(value) });
  }
}
