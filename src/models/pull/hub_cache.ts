import { dirname, join, relative } from "@std/path";
import { removeIfThere, sizeOf } from "../../download/mod.ts";

// The layout is described at https://huggingface.co/docs/hub/local-cache

/** The folder of a model's repository in the cache. */
export function repositoryFolder(cache: string, repository: string): string {
  return join(cache, ["models", ...repository.split("/")].join("--"));
}

/** Ways to make a second name for a file; tests forbid some. */
export interface Linking {
  readonly symlink: (target: string, path: string) => Promise<void>;
  readonly link: (target: string, path: string) => Promise<void>;
}

const LINKING: Linking = {
  symlink: (target, path) => Deno.symlink(target, path, { type: "file" }),
  link: (target, path) => Deno.link(target, path),
};

/**
 * Makes a blob appear in a snapshot: as a relative link, so that the cache may be moved. Where that is
 * forbidden, as on Windows without developer mode, as a second name of the same file; and where the
 * file system has none, as a copy.
 *
 * @returns false where it is there already
 */
export async function placeLink(
  blob: string,
  path: string,
  { symlink, link }: Linking = LINKING,
): Promise<boolean> {
  const size = await sizeOf(blob);
  const there = await sizeOf(path);
  // Without the blob, the snapshot holds the file itself.
  if (there !== null && (size === null || there === size)) return false;
  await Deno.mkdir(dirname(path), { recursive: true });
  // Never half there: whoever looks sees the old one or the new one.
  const temporary = `${path}.${crypto.randomUUID()}.incomplete`;
  try {
    await symlink(relative(dirname(path), blob), temporary)
      .catch(() => link(blob, temporary))
      .catch(() => Deno.copyFile(blob, temporary));
    await Deno.rename(temporary, path);
  } catch (error) {
    await removeIfThere(temporary);
    throw error;
  }
  return true;
}

/** Notes which commit a branch or a tag is at. Slashes in its name are folders. */
export async function writeRef(folder: string, revision: string, commit: string): Promise<void> {
  const path = join(folder, "refs", ...revision.split("/"));
  await Deno.mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${crypto.randomUUID()}.incomplete`;
  await Deno.writeTextFile(temporary, commit);
  await Deno.rename(temporary, path);
}
