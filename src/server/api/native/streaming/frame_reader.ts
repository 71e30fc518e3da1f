import { ShimmyError } from "../../../../errors.ts";
import { parseJsonValue } from "../../../../json_value.ts";
import { parseJson, type ServerContext, SMALL_BYTES } from "../../../http/mod.ts";

const encoder = new TextEncoder();

/** Receives the value of a frame, or the error of one that has none. */
interface Receiver {
  value(value: unknown): void;
  error(error: unknown): void;
}

/** Parses the text frames of a WebSocket. Frames after a long one wait for it. */
export class FrameReader {
  readonly #context: Pick<ServerContext, "parser">;
  readonly #receiver: Receiver;
  /** The end of the last long frame and of those that wait for it; null: none is being parsed. */
  #last: Promise<void> | null = null;

  constructor(context: Pick<ServerContext, "parser">, receiver: Receiver) {
    this.#context = context;
    this.#receiver = receiver;
  }

  /** Passes the value of a frame on; at once, if the frame is short and none waits. */
  read(frame: string): void {
    if (this.#last === null && frame.length <= SMALL_BYTES) {
      return this.#receive(() => valueOf(frame));
    }
    const own = (this.#last ?? Promise.resolve()).then(() => this.#readLong(frame))
      .then(() => {
        if (this.#last === own) this.#last = null;
      });
    this.#last = own;
  }

  async #readLong(frame: string): Promise<void> {
    try {
      // Deno 2.4 does not type the buffer, which is never shared.
      const bytes = encoder.encode(frame) as Uint8Array<ArrayBuffer>;
      const value = await parseJson(bytes, "frame", this.#context.parser);
      this.#receive(() => value);
    } catch (error) {
      this.#receiver.error(error);
    }
  }

  #receive(value: () => unknown): void {
    try {
      this.#receiver.value(value());
    } catch (error) {
      this.#receiver.error(error);
    }
  }
}

function valueOf(frame: string): unknown {
  try {
    return parseJsonValue(frame, "frame");
  } catch (cause) {
    if (cause instanceof ShimmyError) throw cause;
    throw new ShimmyError("invalid", "frame: must be JSON", { field: "frame", cause });
  }
}
