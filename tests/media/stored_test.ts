/** Saved states with images or sounds: sessions and the prefix cache on disk, used by another process. */
import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { withFolder } from "../../ffi/testing.ts";
import type { LoadOptions, SequenceRequest } from "../../src/engine/protocol/mod.ts";
import { AUDIO_TOWERS } from "../models/audio_towers.ts";
import { TOWERS } from "../models/towers.ts";
import { collect } from "../support/engine.ts";
import { pattern, png } from "../support/pictures.ts";
import { chord, wav } from "../support/sounds.ts";
import { withAudioModel } from "./audio_setup.ts";
import { listen, look, MEDIA_FOLDER, mediaEngine, type MediaModel, withModel } from "./setup.ts";

const options = { ignore: MEDIA_FOLDER === null };

const picture = png(90, 60, pattern(1));
const other = png(40, 30, pattern(2));

/** More tokens than a state on disk must have. */
const BEGIN = "there was a man who had a dog and a cat and a house and a garden and ".repeat(3);

const prompt = look([BEGIN, picture, "and", other, "were seen"], { maxTokens: 8 });
const heard = listen([BEGIN, wav(0.5, chord(1)), "and", wav(0.3, chord(2)), "were heard"], {
  maxTokens: 8,
});

/** A prompt that is continued, and another one that gives numbers to other rows. */
interface Prompts {
  readonly prompt: SequenceRequest;
  readonly other: SequenceRequest;
}

const IMAGES: Prompts = { prompt, other: look([png(9, 9, pattern(3)), "another image"]) };
const SOUNDS: Prompts = { prompt: heard, other: listen([wav(0.2, chord(3)), "another sound"]) };

const QUESTION = { text: " then", special: true };

/** The prompt, its answer and a question about it. */
function continued(
  prompt: SequenceRequest,
  answer: readonly number[],
  changes: Partial<SequenceRequest> = {},
) {
  const end = [{ tokens: answer }, QUESTION];
  return { ...prompt, prompt: [...prompt.prompt, ...end], ...changes };
}

/**
 * Answers a prompt in one engine and continues it in another one, in which rows have other numbers.
 *
 * @returns the cached tokens of the second prompt, and those that it shares with the first one
 */
async function acrossEngines(
  files: MediaModel,
  { prompt, other }: Prompts,
  load: Partial<LoadOptions>,
  changes: Partial<SequenceRequest>,
) {
  let answer: readonly number[];
  {
    await using first = await mediaEngine(files, load);
    answer = (await collect(first.generate({ ...prompt, ...changes }))).tokens;
  }
  await using second = await mediaEngine(files, load);
  // Computes nothing: an engine that knows how fast it computes may leave out a slow read.
  await second.tokenize(other.prompt, true);
  const { tokens, done } = await collect(second.generate(continued(prompt, answer, changes)));
  await using plain = await mediaEngine(files);
  const expected = await collect(plain.generate(continued(prompt, answer)));
  assertEquals(tokens, expected.tokens);
  const { cachedTokens, promptTokens } = done.usage;
  // The last token of the answer was not computed.
  const left = 1 + await second.countTokens([QUESTION], false);
  return { cachedTokens, most: promptTokens - left };
}

for (const kind of TOWERS) {
  Deno.test(
    `${kind}: a session with images goes on in another process`,
    options,
    () =>
      withModel(kind, (files) =>
        withFolder(async (folder) => {
          const load = { sessionFolder: join(folder, "sessions") };
          const { cachedTokens, most } = await acrossEngines(files, IMAGES, load, {
            session: "s",
          });
          assertEquals(cachedTokens, most);
        })),
  );

  Deno.test(
    `${kind}: a prompt with images is found on disk by another process`,
    options,
    () =>
      withModel(kind, (files) =>
        withFolder(async (folder) => {
          const diskCache = { folder, modelBytes: 2 ** 30, totalBytes: 2 ** 30 };
          const { cachedTokens, most } = await acrossEngines(files, IMAGES, { diskCache }, {});
          assertEquals(cachedTokens, most);
        })),
  );
}

for (const kind of AUDIO_TOWERS) {
  Deno.test(
    `${kind}: sessions and the prefix cache on disk keep sounds for another process`,
    options,
    () =>
      withAudioModel(kind, (files) =>
        withFolder(async (folder) => {
          const load = { sessionFolder: join(folder, "sessions") };
          const session = await acrossEngines(files, SOUNDS, load, { session: "s" });
          assertEquals(session.cachedTokens, session.most);
          const diskCache = { folder, modelBytes: 2 ** 30, totalBytes: 2 ** 30 };
          const disk = await acrossEngines(files, SOUNDS, { diskCache }, {});
          assertEquals(disk.cachedTokens, disk.most);
        })),
  );
}

Deno.test(
  "a state with an image is not used with another projector",
  options,
  () =>
    withModel("mlp", (files) =>
      withFolder(async (folder) => {
        const load = { sessionFolder: join(folder, "sessions") };
        const request = { ...prompt, session: "s" };
        {
          await using first = await mediaEngine(files, load);
          await collect(first.generate(request));
        }
        const projector = join(folder, "mmproj.gguf");
        await Deno.writeFile(projector, await Deno.readFile(files.projector));
        await Deno.utime(projector, 1000, 1000);
        await using second = await mediaEngine({ ...files, projector }, load);
        const { done } = await collect(second.generate(request));
        const begin = await second.countTokens(look([BEGIN]).prompt, true);
        assert(done.usage.cachedTokens <= begin, `${done.usage.cachedTokens} cached tokens`);
        await using without = await mediaEngine(files, { ...load, projector: undefined });
        const text = await collect(without.generate(look([BEGIN], { session: "s" })));
        assertEquals(text.done.usage.cachedTokens, 0);
      })),
);
