import type { EventBuffer, IncrementalParser, Reader } from "../../stream/mod.ts";

/**
 * Parses an answer of text with sections of calls. Text is passed on. At each of `opens`,
 * `readSection` parses the following text; if it finds no call, that text is passed on too, unless
 * the answer was cut there. Closing tags never become text.
 */
export function* readSections(
  reader: Reader,
  output: EventBuffer,
  opens: readonly string[],
  closes: readonly string[],
  readSection: (open: string) => IncrementalParser<boolean>,
): IncrementalParser<void> {
  for (;;) {
    const stop = yield* reader.until([...opens, ...closes], (text) => output.text(text));
    if (stop === null) return;
    if (closes.includes(stop)) continue;
    output.startCall();
    reader.startRecording();
    const called = yield* readSection(stop);
    const recording = reader.stopRecording();
    if (!called && !reader.isCut) output.text(recording);
  }
}
