/** The pages for users: the README and all of docs/. */
const ROOT = new URL("../../", import.meta.url);

/** A Markdown file; the name is its path from the root. */
export interface TextPage {
  readonly name: string;
  readonly text: string;
}

/** Reads a file of the repository. */
export function read(path: string): Promise<string> {
  return Deno.readTextFile(new URL(path, ROOT));
}

/** All pages for users, in the order of their names. */
export async function readPages(): Promise<readonly TextPage[]> {
  const names = ["README.md", "SECURITY.md"];
  const walk = async (folder: string) => {
    for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
      if (isDirectory) await walk(`${folder}${name}/`);
      else if (name.endsWith(".md")) names.push(`${folder}${name}`);
    }
  };
  await walk("docs/");
  return await Promise.all(names.sort().map(async (name) => ({ name, text: await read(name) })));
}
