/** Slots of llama.cpp's interface that hold prompts with images or sounds. */
import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { withFolder } from "../../ffi/testing.ts";
import type { SequenceRequest } from "../../src/engine/protocol/mod.ts";
import { collect } from "../support/engine.ts";
import { pattern, png } from "../support/pictures.ts";
import { chord, wav } from "../support/sounds.ts";
import { withAudioModel } from "./audio_setup.ts";
import { listen, look, MEDIA_FOLDER, mediaEngine, type MediaModel, withModel } from "./setup.ts";

const options = { ignore: MEDIA_FOLDER === null };

/** Saves the slot of a prompt, and restores it in another engine, in another slot. */
async function acrossSlots(files: MediaModel, prompt: SequenceRequest, other: SequenceRequest) {
  await withFolder(async (folder) => {
    const load = { sessionFolder: join(folder, "sessions"), parallel: 2 };
    const end = { text: " then", special: true };
    let saved: number;
    let next: SequenceRequest;
    let expected: readonly number[];
    {
      await using first = await mediaEngine(files, load);
      const { tokens } = await collect(first.generate({ ...prompt, slot: 1 }));
      saved = (await first.changeSlot({ action: "save", slot: 1, session: "s" })).tokens;
      next = { ...prompt, prompt: [...prompt.prompt, { tokens }, end] };
      expected = (await collect(first.generate({ ...next, cachePrompt: false }))).tokens;
    }
    await using second = await mediaEngine(files, load);
    // Gives the numbers of the first rows to another file.
    await collect(second.generate({ ...other, slot: 1 }));
    const restored = await second.changeSlot({ action: "restore", slot: 0, session: "s" });
    assertEquals(restored.tokens, saved);
    const { tokens, done } = await collect(second.generate({ ...next, slot: 0 }));
    assertEquals(tokens, expected);
    assertEquals(done.usage.cachedTokens, saved);
    const { tokens: erased } = await second.changeSlot({ action: "erase", slot: 0 });
    assertEquals(erased > saved, true);
  });
}

for (const kind of ["mlp", "qwen2vl"] as const) {
  Deno.test(
    `${kind}: a slot with images is saved and restored`,
    options,
    () =>
      withModel(kind, (files) =>
        acrossSlots(
          files,
          look(["once", png(90, 60, pattern(1)), "and", png(40, 30, pattern(2)), "were"]),
          look([png(9, 9, pattern(3)), "another image"]),
        )),
  );
}

Deno.test(
  "a slot with sounds is saved and restored",
  options,
  () =>
    withAudioModel("ultravox", (files) =>
      acrossSlots(
        files,
        listen(["once", wav(0.5, chord(1)), "was"]),
        listen([wav(0.2, chord(2)), "another sound"]),
      )),
);
