/**
 * Asks the small model of `src/assets/tiny` about sounds whose description is known: the names of the files of
 * `tests/sounds`. `SHIMMY_LLAMA_SERVER` names a program that must give the same answers.
 */
import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { collect, type IteratingEngine } from "../support/engine.ts";
import { hasPeer, type MediaPrompt, startPeer } from "./peer.ts";
import { listen, MEDIA_FOLDER, mediaEngine } from "./setup.ts";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

const MODEL = {
  model: path("../../src/assets/tiny/shimmy-tiny-vision.gguf"),
  projector: path("../../src/assets/tiny/mmproj-shimmy-tiny-vision.gguf"),
};

const TOKENS = 40;

interface Recording {
  readonly sound: Uint8Array<ArrayBuffer>;
  readonly sentence: string;
}

async function recordings(): Promise<Recording[]> {
  const found: Recording[] = [];
  for await (const { name } of Deno.readDir(path("../sounds"))) {
    const words = name.replace(/\.wav$/, "").replaceAll("-", " ");
    const sound = await Deno.readFile(path(`../sounds/${name}`));
    found.push({ sound, sentence: `I hear ${words}.` });
  }
  return found;
}

const user = (...content: MediaPrompt): MediaPrompt => [
  "<|im_start|>user\n",
  ...content,
  "<|im_end|>\n<|im_start|>assistant\n",
];

/** The greedy answer of an engine. */
async function answer(engine: IteratingEngine, prompt: MediaPrompt) {
  return await collect(engine.generate(listen(prompt, { maxTokens: TOKENS })));
}

Deno.test(
  "each sound is described as its name says",
  { ignore: MEDIA_FOLDER === null },
  async () => {
    await using engine = await mediaEngine(MODEL);
    const all = await recordings();
    assertEquals(all.length > 5, true);
    for (const { sound, sentence } of all) {
      const { text } = await answer(engine, user(sound, "What do you hear?"));
      assertEquals(text, sentence);
    }
  },
);

Deno.test(
  "answers about sounds with a known description equal those of llama-server",
  { ignore: MEDIA_FOLDER === null || !hasPeer() },
  async () => {
    await using peer = await startPeer(MODEL);
    await using engine = await mediaEngine(MODEL, { parallel: 1 });
    const all = await recordings();
    const prompts = all.map(({ sound }) => user("Listen to this.", sound));
    const [first, second] = all;
    prompts.push(user(first!.sound, "What is this?", second!.sound));
    for (const prompt of prompts) {
      const { tokens } = await answer(engine, prompt);
      assertEquals(tokens, (await peer.complete(prompt, TOKENS)).slice(0, tokens.length));
    }
  },
);
