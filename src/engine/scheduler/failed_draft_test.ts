/** A draft model that fails ends no answer. */
import { assertEquals, assertGreater } from "@std/assert";
import { NativeError } from "../../../ffi/mod.ts";
import { ask, tinyOptions } from "../../../tests/support/engine.ts";
import { loadModel } from "../loading/load_model.ts";
import { EngineFlags } from "../native/shared_flags.ts";
import { NativeGate } from "../native/native_gate.ts";
import { DraftModel } from "../speculation/mod.ts";
import { Loop } from "./loop.ts";

const PROMPT = "1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 1, 2, 3, 4,";

/** A context that drafts the same token with certainty, until it fails. */
class FailingContext {
  readonly batchSize = 64;
  calls = 0;
  readonly #works: number;
  readonly #logits: Float32Array;

  constructor(size: number, token: number, works: number) {
    this.#logits = new Float32Array(size).fill(-100);
    this.#logits[token] = 100;
    this.#works = works;
  }
  decode(): "done" {
    if (this.calls++ < this.#works) return "done";
    throw new NativeError("llama_decode", -3, "The model failed to compute (code -3)");
  }
  logits = () => this.#logits;
  removeTokens = () => true;
  lastPosition = () => -1;
}

for (const lookup of [false, true]) {
  const rest = lookup ? "with drafts by lookup" : "without drafts";
  Deno.test(`after a draft model failed, answers go on ${rest}`, async () => {
    const options = await tinyOptions({ lookup });
    const shared = { flags: new EngineFlags(), gate: new NativeGate() };
    using model = loadModel(options, shared, () => {});
    const generation = model.generation!;
    const run = (draft: DraftModel | null, isDrafting: boolean) => {
      generation.context.clear();
      const notices: string[] = [];
      const texts = ["", ""];
      const loop = new Loop(
        { ...generation, draft, lookup: isDrafting },
        model.tokenizer,
        (id, event) => {
          if (event.type === "error") throw new Error(event.error.message);
          if (event.type === "token" || event.type === "done") texts[id] += event.text;
        },
        { onNotice: (notice) => notices.push(notice) },
      );
      texts.forEach((_, id) => {
        loop.submit(id, ask(PROMPT, { maxTokens: 60, ignoreEos: true }));
        while (loop.hasWork) loop.step();
      });
      const status = loop.status();
      loop.close();
      return { texts, notices, status };
    };
    const plain = run(null, false);
    const [token] = model.tokenizer.encode([{ text: ",", special: false }], false);
    const context = new FailingContext(model.vocab.size, token!, 6);
    const failed = run(new DraftModel(context), lookup);
    assertEquals(failed.texts, plain.texts);
    assertEquals(failed.notices, [
      `The draft model failed and is not used again; answers go on ${rest}: ` +
      "The model failed to compute (code -3)",
    ]);
    assertEquals(context.calls, 7);
    assertGreater(failed.status.draftedTokens, 0);
    assertEquals(failed.status.speculation, lookup ? "lookup" : null);
  });
}
