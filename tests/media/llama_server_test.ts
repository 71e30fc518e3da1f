/**
 * Compares answers about images with those of llama-server on the same files. `SHIMMY_LLAMA_SERVER` names the
 * program; without it and without libmtmd, the tests are skipped.
 */
import { assertEquals } from "@std/assert";
import { encodeBase64 } from "@std/encoding/base64";
import { type Server, startLlamaServer } from "../../scripts/bench/programs/servers.ts";
import { TOWERS } from "../models/towers.ts";
import { collect } from "../support/engine.ts";
import { bmp, pattern, png } from "../support/pictures.ts";
import { look, MEDIA_FOLDER, mediaEngine, type MediaModel, withModel } from "./setup.ts";

const program = Deno.env.get("SHIMMY_LLAMA_SERVER");
const options = { ignore: MEDIA_FOLDER === null || !program };

if (!program) {
  Deno.test.ignore("answers are not compared: SHIMMY_LLAMA_SERVER names no program", () => {});
}

/** What llama-server reads as an image in a prompt. */
const MARK = "<__media__>";
const TOKENS = 24;

type Prompt = readonly (string | Uint8Array<ArrayBuffer>)[];

const wide = png(90, 30, pattern(1));
const small = png(5, 5, pattern(2));
const large = bmp(120, 80, pattern(3));

const PROMPTS: readonly Prompt[] = [
  ["once there", wide, " was a man"],
  [small, "one image"],
  ["many", wide, small, "images", large, "in one prompt"],
  ["the same", large, "twice", large, "in one prompt"],
];

function startPeer({ model, projector }: MediaModel): Promise<Server> {
  return startLlamaServer(program!, {
    model,
    parallel: 1,
    context: 2048,
    unified: false,
    threads: 1,
    extra: { "llama-server": ["--mmproj", projector, "--no-warmup"] },
    env: {
      LLAMA_MEDIA_MARKER: MARK,
      // Fresh memory is zero. libmtmd's Pixtral multiplies what is in memory by zero, which is not a number for
      // some of what earlier allocations leave.
      MALLOC_MMAP_THRESHOLD_: "4096",
    },
  });
}

/** The tokens of a greedy answer. */
async function complete({ url }: Server, prompt: Prompt): Promise<readonly number[]> {
  const images = prompt.filter((part) => typeof part !== "string");
  const response = await fetch(`${url}/completion`, {
    method: "POST",
    body: JSON.stringify({
      prompt: {
        prompt_string: prompt.map((part) => typeof part === "string" ? part : MARK).join(""),
        multimodal_data: images.map((bytes) => encodeBase64(bytes)),
      },
      n_predict: TOKENS,
      temperature: 0,
      return_tokens: true,
      cache_prompt: false,
    }),
  });
  const body = await response.json();
  if (!response.ok) throw new Error(JSON.stringify(body));
  return body.tokens;
}

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
          assertEquals(tokens, (await complete(peer, prompt)).slice(0, tokens.length));
          assertEquals(tokens.length, TOKENS);
        }
      }),
  );
}
