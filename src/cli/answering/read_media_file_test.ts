import { assertEquals, assertRejects } from "@std/assert";
import { EnvironmentDouble } from "../../../tests/doubles/environment.ts";
import { MAX_SOUND_BYTES } from "../../engine/sound/check_sound.ts";
import { UsageError } from "../options/mod.ts";
import { readImage } from "./read_image.ts";
import { readMediaFile } from "./read_media_file.ts";
import { MOST_SOUND_BYTES, readSound } from "./read_sound.ts";

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const environment = new EnvironmentDouble();

Deno.test("a file of the maximum size is read, and a larger one or a folder is refused", () =>
  inFolder(async (folder) => {
    const path = `${folder}/cat.png`;
    await Deno.writeFile(path, Uint8Array.of(1, 2, 3));
    assertEquals(await readMediaFile(path, 3, environment), Uint8Array.of(1, 2, 3));
    const refused: readonly (readonly [given: string, reason: string])[] = [
      [path, "it has 3 B, and at most 2 B are allowed"],
      [folder, "it is a folder"],
    ];
    for (const [given, reason] of refused) {
      const error = await assertRejects(() => readMediaFile(given, 2, environment));
      assertEquals((error as Error).message, reason);
    }
  }));

Deno.test({
  name: "a pipe is read up to the limit",
  ignore: Deno.build.os === "windows",
  fn: () =>
    inFolder(async (folder) => {
      const path = `${folder}/pipe`;
      await new Deno.Command("mkfifo", { args: [path] }).output();
      const bytes = new Uint8Array(100_000).map((_, at) => at);
      const written = Deno.writeFile(path, bytes, { create: false });
      assertEquals(await readImage(path, environment), { type: "image", bytes, field: "--image" });
      await written;
      // The writer's pipe breaks when the reader has enough.
      const broken = Deno.writeFile(path, bytes, { create: false }).catch(() => {});
      await assertRejects(
        () => readMediaFile(path, 1_000, environment),
        Error,
        "it has more than 1,000 B",
      );
      await broken;
    }),
});

Deno.test("a sound that the model's process would refuse for its size is not read", () =>
  inFolder(async (folder) => {
    assertEquals(MOST_SOUND_BYTES, MAX_SOUND_BYTES);
    const path = `${folder}/long.wav`;
    using file = await Deno.open(path, { write: true, createNew: true });
    await file.truncate(30 * 2 ** 20);
    await assertRejects(
      () => readSound(path, environment),
      UsageError,
      `--audio: cannot read '${path}': it has 30 MiB, and at most 25 MiB are allowed`,
    );
  }));
