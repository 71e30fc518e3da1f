/** Gemma 3 270M: a base model with a sliding window. */
import golden from "../golden/gemma3.json" with { type: "json" };
import {
  checkContinuations,
  checkEmbeddings,
  checkPerplexity,
  checkReuse,
  checkTogether,
  checkTokens,
  realModelTests,
} from "./checks.ts";
import { GEMMA3 } from "./real_models.ts";

await realModelTests(GEMMA3, golden, {
  "texts have the tokens, continuations and scores of llama.cpp": async (load) => {
    await using engine = await load();
    await checkTokens(engine, golden);
    await checkContinuations(engine, golden);
    await checkTogether(engine, golden);
    await checkEmbeddings(engine, golden);
    await checkPerplexity(engine, golden);
  },
  "prefixes are reused with all cells of the window, and answers stay llama.cpp's": async (
    load,
  ) => {
    await using engine = await load({ parallel: 2, swaFull: "on" });
    await checkReuse(engine, golden, 0.85);
  },
  "prefixes are reused with the window alone, and answers stay llama.cpp's": async (load) => {
    await using engine = await load({ parallel: 2, swaFull: "off" });
    // A branch before the window of 512 tokens, and before the first checkpoint, is computed again.
    await checkReuse(engine, golden, 0.5, 400);
  },
});
