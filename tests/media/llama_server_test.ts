/**
 * Compares answers about images with those of llama-server on the same files. `SHIMMY_LLAMA_SERVER` names the
 * program; without it and without libmtmd, the tests are skipped.
 */
import { assertEquals } from "@std/assert";
import { TOWERS } from "../models/towers.ts";
import { collect } from "../support/engine.ts";
import { bmp, pattern, png } from "../support/pictures.ts";
import { hasPeer, type MediaPrompt, startPeer } from "./peer.ts";
import { look, MEDIA_FOLDER, mediaEngine, withModel } from "./setup.ts";

const options = { ignore: MEDIA_FOLDER === null || !hasPeer() };

if (!hasPeer()) {
  Deno.test.ignore("answers are not compared: SHIMMY_LLAMA_SERVER names no program", () => {});
}

const TOKENS = 24;

const wide = png(90, 30, pattern(1));
const small = png(5, 5, pattern(2));
const large = bmp(120, 80, pattern(3));

const PROMPTS: readonly MediaPrompt[] = [
  ["once there", wide, " was a man"],
  [small, "one image"],
  ["many", wide, small, "images", large, "in one prompt"],
  ["the same", large, "twice", large, "in one prompt"],
];

for (const kind of TOWERS) {
  Deno.test(
    `${kind}: greedy answers equal those of llama-server`,
    options,
    () =>
      withModel(kind, async (files) => {
        await using peer = await startPeer(files);
        await using engine = await mediaEngine(files, { parallel: 1 });
        for (const prompt of PROMPTS) {
          const request = look(prompt, { maxTokens: TOKENS });
          const { tokens } = await collect(engine.generate(request));
          assertEquals(tokens, (await peer.complete(prompt, TOKENS)).slice(0, tokens.length));
          assertEquals(tokens.length, TOKENS);
        }
      }),
  );
}
