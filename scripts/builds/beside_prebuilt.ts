/** A library that is built from the pinned source, in a copy of the folder of the prebuilt libraries. */
import { basename, join, resolve } from "node:path";
import { findRuntime, type Variant } from "../../src/runtime/mod.ts";
import { SourceError, withLlamaSource } from "../ffi/source.ts";
import { LLAMA_LICENCE } from "../licences.ts";

/** Folders of a build. */
export interface BuildFolders {
  /** Source tree of llama.cpp. */
  readonly source: string;
  /** The published libraries. */
  readonly prebuilt: string;
  /** For intermediate files; it is removed. */
  readonly build: string;
}

/**
 * Builds a library and puts it into a folder with copies of the published libraries, and prints the folder. An
 * error of the build is printed and sets the exit status to 1.
 *
 * @param task the task that builds it, for its errors
 * @param build returns the path of the built file
 */
export async function buildBesidePrebuilt(
  task: string,
  target: string,
  variant: () => Variant,
  build: (folders: BuildFolders) => Promise<string>,
): Promise<void> {
  const folder = resolve(target);
  const temporary = await Deno.makeTempDir({ prefix: "shimmy-build-" });
  try {
    const { folder: prebuilt } = await findRuntime({ variant: variant(), folder: "" });
    await Deno.mkdir(folder, { recursive: true });
    const file = await withLlamaSource([], async ({ folder: source }) => {
      await Deno.copyFile(join(source, "LICENSE"), join(folder, LLAMA_LICENCE));
      return await build({ source, prebuilt, build: temporary });
    });
    for await (const { name, isFile } of Deno.readDir(prebuilt)) {
      if (isFile) await Deno.copyFile(join(prebuilt, name), join(folder, name));
    }
    await Deno.copyFile(file, join(folder, basename(file)));
    console.log(folder);
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    console.error(`${task}: ${error.message}`);
    Deno.exitCode = 1;
  } finally {
    await Deno.remove(temporary, { recursive: true });
  }
}
