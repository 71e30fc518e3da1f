/**
 * Compares answers about sounds with those of llama-server on the same files. `SHIMMY_LLAMA_SERVER` names the
 * program; without it and without libmtmd, the tests are skipped.
 */
import { assertEquals } from "@std/assert";
import { AUDIO_TOWERS } from "../models/audio_towers.ts";
import { mropeModel } from "../models/mrope.ts";
import { collect } from "../support/engine.ts";
import { chord, flac, mp3, wav } from "../support/sounds.ts";
import { withAudioModel } from "./audio_setup.ts";
import { hasPeer, type MediaPrompt, startPeer } from "./peer.ts";
import { listen, MEDIA_FOLDER, mediaEngine, type MediaModel } from "./setup.ts";

const options = { ignore: MEDIA_FOLDER === null || !hasPeer() };

const TOKENS = 24;

const short = wav(0.7, chord(1));
const stereo = wav(1.5, chord(2), { rate: 44_100, channels: 2 });

const PROMPTS: readonly MediaPrompt[] = [
  ["once there", short, " was a man"],
  [stereo, "one sound"],
  ["many", flac(0.3, chord(3)), "sounds", mp3(0.5, 1), "in one prompt"],
  [wav(31, chord(4)), "a long one"],
];

/** Compares the answers to all prompts. */
async function compare(files: MediaModel): Promise<void> {
  await using peer = await startPeer(files);
  await using engine = await mediaEngine(files, { parallel: 1 });
  for (const prompt of PROMPTS) {
    const request = listen(prompt, { maxTokens: TOKENS });
    const { tokens } = await collect(engine.generate(request));
    assertEquals(tokens, (await peer.complete(prompt, TOKENS)).slice(0, tokens.length));
    assertEquals(tokens.length, TOKENS);
  }
}

for (const kind of AUDIO_TOWERS) {
  Deno.test(
    `${kind}: greedy answers about sounds equal those of llama-server`,
    options,
    () => withAudioModel(kind, compare),
  );
}

Deno.test(
  "a model with M-RoPE: greedy answers about sounds equal those of llama-server",
  options,
  () => withAudioModel("ultravox", compare, mropeModel),
);
