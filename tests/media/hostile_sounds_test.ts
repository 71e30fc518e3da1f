/**
 * Damaged sounds, to a server with one process per model. `SHIMMY_MUTATIONS` is their number, 60 by default.
 */
import { assert, assertEquals } from "@std/assert";
import { xorshift } from "../../scripts/bench/gguf_writer.ts";
import { mutated } from "../support/mutations.ts";
import { joined } from "../support/pictures.ts";
import { chord, flac, id3, mp3, wav } from "../support/sounds.ts";
import { withAudioModel } from "./audio_setup.ts";
import { served } from "./serving.ts";
import { MEDIA_FOLDER } from "./setup.ts";

const COUNT = Number(Deno.env.get("SHIMMY_MUTATIONS") ?? "60");

/** A request that takes longer hangs. */
const HANGS_MS = 120_000;

const FILES = [
  wav(0.3, chord(1)),
  wav(0.3, chord(2), { rate: 44_100, channels: 2 }),
  flac(0.3, chord(3), { channels: 2 }),
  mp3(0.3, 1),
  mp3(0.3, 2, { claimed: 12 }),
  joined([id3(30), mp3(0.3, 3)]),
];

Deno.test(
  `${COUNT} damaged sounds: each is answered or refused, and the model goes on`,
  { ignore: MEDIA_FOLDER === null },
  () =>
    withAudioModel("ultravox", async (files) => {
      await using running = await served(files);
      const statuses = new Map<number, number>();
      const send = async (sound: Uint8Array<ArrayBuffer>) => {
        const form = new FormData();
        form.set("file", new File([sound], "sound"));
        form.set("max_tokens", "1");
        const response = await fetch(running.server.url("/v1/audio/transcriptions"), {
          method: "POST",
          body: form,
          signal: AbortSignal.timeout(HANGS_MS),
        });
        return { status: response.status, text: await response.text() };
      };
      const random = xorshift(7);
      for (let number = 0; number < COUNT; number++) {
        const { status, text } = await send(mutated(FILES[number % FILES.length]!, random));
        assert(status === 200 || status === 400, `sound ${number}: ${status} ${text}`);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
      // Otherwise the changes were too weak or too strong.
      assert(statuses.get(200)! > COUNT / 10 && statuses.get(400)! > COUNT / 10);
      assertEquals((await send(FILES[0]!)).status, 200);
    }),
);
