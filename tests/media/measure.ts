/**
 * Measures a question about an image of one megapixel beside llama-server, with a projector of random weights:
 * the time to the first token of the first and of a second question, and the worst gap of a running answer while
 * an image is encoded.
 *
 *     deno task measure:media --model FILE [--peer LLAMA_SERVER] [--rounds N]
 *
 * The model's file must be that of a chat model. The libraries are those of `SHIMMY_MTMD` or `build:mtmd`.
 * The figures are meaningful on an idle machine only.
 */
import { parseArgs } from "@std/cli/parse-args";
import { encodeBase64 } from "@std/encoding/base64";
import { join, resolve } from "node:path";
import { type Answer, firstToken, gaps, stream } from "../../scripts/bench/client.ts";
import {
  type Server,
  startLlamaServer,
  startShimmy,
} from "../../scripts/bench/programs/servers.ts";
import { median, quantile } from "../../scripts/bench/stats.ts";
import { table } from "../../scripts/docs/markdown.ts";
import { answerHelp } from "../../scripts/usage.ts";
import { readHeader } from "../../src/models/gguf/mod.ts";
import { towerFile } from "../models/towers.ts";
import { pattern, png } from "../support/pictures.ts";
import { MEDIA_FOLDER } from "./setup.ts";

/** Pixels of a side. */
const SIDE = 1024;
/** Tokens of the running answer, and those before the image comes. */
const RUNNING = 400;
const BEFORE = 24;
/** Tokens of other answers: random weights may begin with tokens that have no text. */
const ANSWER = 16;
/** Words of a prompt as long as a chunk. */
const CHUNK_WORDS = 400;

/** Milliseconds by name. */
type Figures = Readonly<Record<string, number>>;

/** A projector like that of LLaVA 1.5, with 576 rows an image, and a smaller encoder. */
function projectorFor(textWidth: number): Uint8Array<ArrayBuffer> {
  const size = { width: 512, heads: 8, feedForward: 1024, layers: 6, patch: 14, side: 24 };
  return towerFile("mlp", { ...size, textWidth });
}

type Content = string | readonly Readonly<Record<string, unknown>>[];

const imageOf = (seed: number) => ({
  type: "image_url",
  image_url: {
    url: `data:image/png;base64,${encodeBase64(png(SIDE, SIDE, pattern(seed)))}`,
  },
});

async function ask(
  { url }: Server,
  content: Content,
  tokens: number,
  onPiece?: (count: number) => void,
): Promise<Answer> {
  const messages = [{ role: "user", content }];
  const body = { messages, max_tokens: tokens, temperature: 0, ignore_eos: true };
  return await stream(`${url}/v1/chat/completions`, body, onPiece);
}

async function measure(server: Server): Promise<Figures> {
  const question = (image: Readonly<Record<string, unknown>>, text: string) =>
    ask(server, [image, { type: "text", text }], ANSWER);
  await ask(server, "Hello", 4);
  const image = imageOf(1);
  const first = firstToken(await question(image, "What is this?"));
  const second = firstToken(await question(image, "Which colors does it have?"));
  const chunk = firstToken(await ask(server, "word ".repeat(CHUNK_WORDS), ANSWER));
  const { promise: isRunning, resolve: onRunning } = Promise.withResolvers<void>();
  const running = ask(server, "Tell a story.", RUNNING, (count) => count >= BEFORE && onRunning());
  await Promise.race([isRunning, running]);
  const asked = performance.now();
  const { times } = await question(imageOf(2), "What is this?");
  const answer = await running;
  const during = gaps(answer).filter((_, at) =>
    answer.times[at + 1]! > asked && answer.times[at]! < times[0]!
  );
  const usual = gaps(answer).filter((_, at) => answer.times[at + 1]! <= asked);
  return { first, second, chunk, gap: Math.max(0, ...during), usual: quantile(usual, 0.5) };
}

answerHelp(import.meta.url);
const { model, peer = Deno.env.get("SHIMMY_LLAMA_SERVER"), rounds } = parseArgs(Deno.args, {
  string: ["model", "peer", "rounds"],
}) as { model?: string; peer?: string; rounds?: string };
if (model === undefined || MEDIA_FOLDER === null) {
  console.error(
    model === undefined ? "--model is missing" : "libmtmd is missing: run `deno task build:mtmd`",
  );
  Deno.exit(1);
}
const { metadata } = await readHeader(resolve(model));
const width = Number(metadata.get(`${metadata.get("general.architecture")}.embedding_length`));
const folder = await Deno.makeTempDir({ prefix: "shimmy-media-" });
try {
  const projector = join(folder, "mmproj.gguf");
  await Deno.writeFile(projector, projectorFor(width));
  const settings = {
    ...{ model: resolve(model), parallel: 2, context: 2048, unified: false, threads: 0 },
    extra: {
      shimmy: ["--lookup", "off", "--mmproj", projector],
      "llama-server": ["--mmproj", projector],
    },
    env: { SHIMMY_LIBLLAMA: MEDIA_FOLDER },
  };
  const servers: Record<string, () => Promise<Server>> = {
    shimmy: () => startShimmy(null, settings),
    ...(peer ? { "llama-server": () => startLlamaServer(peer, settings) } : {}),
  };
  const found: Record<string, Figures[]> = {};
  for (let round = 0; round < Number(rounds ?? 3); round++) {
    for (const [name, start] of Object.entries(servers)) {
      await using server = await start();
      (found[name] ??= []).push(await measure(server));
    }
  }
  const rows = Object.entries(found).map(([name, figures]) => {
    const of = (key: string) => median(figures.map((one) => one[key]!));
    const values = ["first", "second", "gap", "usual", "chunk"].map((key) => of(key).toFixed(1));
    return [name, ...values, (of("second") / of("first")).toFixed(3)];
  });
  console.log(table(
    ["", "first question", "second", "worst gap", "usual gap", "prompt chunk", "second : first"],
    rows,
  ));
} finally {
  await Deno.remove(folder, { recursive: true });
}
