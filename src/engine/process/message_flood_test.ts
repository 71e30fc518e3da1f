/** Messages that come without end: they must not hold up the answers of others. */
import { assertGreater } from "@std/assert";
import { ask, tinyEngine } from "../../../tests/support/engine.ts";

/** Controls whose application takes longer than all messages between two steps may. */
const CONTROLS = 3_000;

Deno.test("an answer goes on while controls of it come without end", async () => {
  await using engine = await tinyEngine({ parallel: 1, streamInterval: 0 });
  let tokens = 0;
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const sequence = engine.generate(ask("Once", { maxTokens: null, ignoreEos: true }), {
    event(event) {
      if (event.type === "token" && ++tokens === 2) begin();
      if (event.type === "done") end();
    },
    flush() {},
    end,
  });
  await begun;
  const before = tokens;
  // Each is compared with the whole vocabulary.
  const drySequenceBreakers = Array.from({ length: 16 }, (_, index) => `word ${index}`);
  for (let count = 0; count < CONTROLS; count++) {
    const sampling = { temperature: count % 2, dryMultiplier: 1, drySequenceBreakers };
    sequence.control({ type: "sampling", sampling });
  }
  // Its answer comes after all controls.
  await engine.tokenize([{ text: "a", special: false }], false);
  assertGreater(tokens, before);
  sequence.control({ type: "cancel" });
  await ended;
});
