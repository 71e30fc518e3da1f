import type { Reader, Reading, Sink } from "../../stream/mod.ts";

/**
 * Reads an answer of text with sections of calls in it: hands text on, and where one of `opens` comes
 * lets `readSection` read what follows. When that finds no call, what it read was text. Closing tags
 * never become text.
 */
export function* readSections(
  reader: Reader,
  sink: Sink,
  opens: readonly string[],
  closes: readonly string[],
  readSection: (open: string) => Reading<boolean>,
): Reading<void> {
  for (;;) {
    const stop = yield* reader.until([...opens, ...closes], (text) => sink.text(text));
    if (stop === null) return;
    if (closes.includes(stop)) continue;
    reader.startTape();
    const called = yield* readSection(stop);
    const tape = reader.stopTape();
    if (!called) sink.text(tape);
  }
}
