import { ShimmyError } from "../../../../errors.ts";
import { parseJsonText } from "../../../../json_value.ts";
import { HeldBody, parseJson, type ServerContext, SMALL_BYTES } from "../../../http/mod.ts";

const encoder = new TextEncoder();

/** Maximum frames that wait for a long one. */
const MAX_WAITING = 1_024;

/** Receives the value of a frame, or the error of one that has none. */
interface Receiver {
  value(value: unknown): void;
  error(error: unknown): void;
}

/** Parses the text frames of a WebSocket. Frames after a long one wait for it. */
export class FrameReader {
  readonly #context: Pick<ServerContext, "parser" | "settings">;
  readonly #receiver: Receiver;
  /** The end of the last long frame and of those that wait for it; null: none is being parsed. */
  #last: Promise<void> | null = null;
  /** Frames that wait for a long one, and that one. */
  #waiting = 0;
  #isClosed = false;

  constructor(context: Pick<ServerContext, "parser" | "settings">, receiver: Receiver) {
    this.#context = context;
    this.#receiver = receiver;
  }

  /** Passes the value of a frame on; at once, if the frame is short and none waits. */
  read(frame: string): void {
    if (this.#last === null && frame.length <= SMALL_BYTES) {
      return this.#receive(() => parseJsonText(frame, "frame"));
    }
    const { settings } = this.#context;
    const held = new HeldBody(settings, settings.maxBodyBytes);
    try {
      if (this.#waiting >= MAX_WAITING) {
        const message = `At most ${MAX_WAITING} frames can wait for a long one`;
        throw new ShimmyError("overloaded", message);
      }
      held.add(frame.length);
    } catch (error) {
      held[Symbol.dispose]();
      return this.#receiver.error(error);
    }
    this.#waiting++;
    const own = (this.#last ?? Promise.resolve()).then(() => this.#readLong(frame))
      .then(() => {
        held[Symbol.dispose]();
        this.#waiting--;
        if (this.#last === own) this.#last = null;
      });
    this.#last = own;
  }

  /** Reads no further frames, also of those that wait. */
  close(): void {
    this.#isClosed = true;
  }

  async #readLong(frame: string): Promise<void> {
    if (this.#isClosed) return;
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
