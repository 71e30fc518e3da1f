/**
 * Renames a file that is complete to its place. A reader sees the former file or this one, also after a
 * power cut: a renamed file is empty then if its bytes were not synced.
 */
export async function renameComplete(part: string, path: string): Promise<void> {
  {
    using file = await Deno.open(part, { write: true });
    await file.sync();
  }
  await Deno.rename(part, path);
}
