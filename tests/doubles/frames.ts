import { TextLineStream } from "@std/streams/text-line-stream";

/** A frame of a stream of unified events. */
export type Frame = Readonly<Record<string, unknown>>;

/** Reads the frames of an NDJSON response one by one. */
export class FrameReader implements AsyncDisposable {
  readonly #lines: ReadableStreamDefaultReader<string>;

  constructor(response: Response) {
    this.#lines = response.body!.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
  }

  /** The next frames. */
  async take(count: number): Promise<Frame[]> {
    const frames: Frame[] = [];
    while (frames.length < count) {
      const { value, done } = await this.#lines.read();
      if (done) throw new Error(`The stream ended after ${frames.length} of ${count} frames`);
      if (value !== "") frames.push(JSON.parse(value));
    }
    return frames;
  }

  /** All frames to the end. */
  async rest(): Promise<Frame[]> {
    const frames: Frame[] = [];
    for (;;) {
      const { value, done } = await this.#lines.read();
      if (done) return frames;
      if (value !== "") frames.push(JSON.parse(value));
    }
  }

  /** The client leaves. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lines.cancel();
  }
}
