import { dirname, join, relative } from "node:path";
import { removeIfThere, sizeOf } from "../../download/mod.ts";
import { renameComplete } from "../../rename_complete.ts";

// Layout of the cache: https://huggingface.co/docs/hub/local-cache

/** Folder of a model repository in the cache. */
export function repositoryFolder(cache: string, repository: string): string {
  return join(cache, ["models", ...repository.split("/")].join("--"));
}

/** Ways to link to a file. Tests make some of them fail. */
export interface Linking {
  readonly symlink: (target: string, path: string) => Promise<void>;
  readonly link: (target: string, path: string) => Promise<void>;
}

const LINKING: Linking = {
  symlink: (target, path) => Deno.symlink(target, path, { type: "file" }),
  link: (target, path) => Deno.link(target, path),
};

/**
 * Adds a blob to a snapshot as a relative link, so that the cache can be moved. Where symbolic
 * links are forbidden, as on Windows without developer mode, it makes a hard link; where the file
 * system has no hard links, it makes a copy.
 *
 * @returns False if the snapshot already has the file.
 */
export async function placeLink(
  blob: string,
  path: string,
  { symlink, link }: Linking = LINKING,
): Promise<boolean> {
  const size = await sizeOf(blob);
  const existing = await sizeOf(path);
  // Without a blob, the snapshot holds the file itself.
  if (existing !== null && (size === null || existing === size)) return false;
  await Deno.mkdir(dirname(path), { recursive: true });
  // Renaming replaces the link atomically.
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

/** Writes the commit of a branch or tag. Slashes in its name become folders. */
export async function writeRef(folder: string, revision: string, commit: string): Promise<void> {
  const path = join(folder, "refs", ...revision.split("/"));
  await Deno.mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${crypto.randomUUID()}.incomplete`;
  await Deno.writeTextFile(temporary, commit);
  await renameComplete(temporary, path);
}
