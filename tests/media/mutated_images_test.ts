/**
 * Damaged images, sent to a server with one process per model: each is answered or refused, and the model's
 * process goes on. `SHIMMY_MUTATED_IMAGES` is their number, `SHIMMY_MUTATION_SEED` another sequence of them.
 */
import { assert, assertEquals } from "@std/assert";
import { pooledMap } from "@std/async/pool";
import { encodeBase64 } from "@std/encoding/base64";
import * as fc from "test:fast-check";
import type { Server } from "../cli/machine.ts";
import { type ByteEdit, byteEdits, editBytes } from "../fuzz/mutation/byte_edits.ts";
import { jpeg } from "../support/jpeg.ts";
import { bmp, gif, pattern, png } from "../support/pictures.ts";
import { animation, webp } from "../support/webp.ts";
import { served } from "./serving.ts";
import { MEDIA_FOLDER, withModel } from "./setup.ts";

const COUNT = Number(Deno.env.get("SHIMMY_MUTATED_IMAGES") ?? 90);
const SEED = Number(Deno.env.get("SHIMMY_MUTATION_SEED") ?? 14);
/** Milliseconds within which an image is answered. A hang is told from slowness. */
const TIMEOUT_MS = 120_000;

/** Valid files by format. */
async function originals(): Promise<Readonly<Record<string, Uint8Array<ArrayBuffer>>>> {
  const [width, height, paint] = [37, 26, pattern(3)] as const;
  const lossless = await webp(width, height, paint);
  const lossy = await webp(width, height, paint, { isLossless: false });
  return {
    "PNG": png(width, height, paint),
    "stored PNG": png(width, height, paint, 0),
    "JPEG": await jpeg(width, height, paint),
    "progressive JPEG": await jpeg(width, height, paint, { isProgressive: true }),
    "GIF": gif(width, height, paint),
    "BMP": bmp(width, height, paint),
    "lossless WebP": lossless,
    "lossy WebP": lossy,
    "animated WebP": animation(width, height, [lossy, lossless]),
  };
}

interface Case {
  readonly format: string;
  readonly edits: readonly ByteEdit[];
  readonly file: Uint8Array<ArrayBuffer>;
}

/** The same cases for the same seed. */
function casesOf(files: Readonly<Record<string, Uint8Array<ArrayBuffer>>>): Case[] {
  const each = Math.ceil(COUNT / Object.keys(files).length);
  return Object.entries(files).flatMap(([format, file], index) => {
    const edits = byteEdits({ fields: [], size: file.length, structure: true });
    return fc.sample(edits, { seed: SEED + index, numRuns: each })
      .map((edits) => ({ format, edits, file: editBytes(file, edits, []) }));
  }).slice(0, COUNT);
}

/** Status and text of the answer to an image. */
async function ask(server: Server, file: Uint8Array): Promise<[number, string]> {
  const response = await fetch(server.url("/api/generate"), {
    method: "POST",
    body: JSON.stringify({
      model: "model",
      messages: [{ role: "user", content: "x", images: [encodeBase64(file)] }],
      max_tokens: 2,
      temperature: 0,
      stream: false,
    }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  return [response.status, await response.text()];
}

Deno.test(
  "damaged images are answered or refused, and end no process",
  { ignore: MEDIA_FOLDER === null },
  () =>
    withModel("mlp", async (model) => {
      const files = await originals();
      await using running = await served(model);
      const { server } = running;
      const answerOf = async (file: Uint8Array) =>
        JSON.parse((await ask(server, file))[1]).response;
      const before = await answerOf(files["PNG"]!);
      for (const [format, file] of Object.entries(files)) {
        assertEquals((await ask(server, file))[0], 200, format);
      }
      const counts: Record<string, { answered: number; refused: number }> = {};
      const answered = pooledMap(4, casesOf(files), async ({ format, edits, file }) => {
        const [status, text] = await ask(server, file);
        const what = `${format} ${JSON.stringify(edits)}: ${status} ${text}`;
        assert(
          status === 200 || (status === 400 && text.includes("messages[0].images[0]: ")),
          what,
        );
        const count = counts[format] ??= { answered: 0, refused: 0 };
        count[status === 200 ? "answered" : "refused"]++;
      });
      for await (const _ of answered);
      for (const [format, { answered, refused }] of Object.entries(counts)) {
        console.log(`${format}: ${answered} answered, ${refused} refused`);
      }
      assertEquals(await answerOf(files["PNG"]!), before);
      server.kill("SIGTERM");
      const { stderr } = await server.ended();
      assert(!/process of .* ended|process ended/.test(stderr), stderr);
    }),
);
