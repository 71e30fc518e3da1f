/**
 * Checks the Markdown files of the repository, and ends with status 1 where
 *
 * - a relative link or image names a file or folder that does not exist,
 * - an anchor names no heading of its page,
 * - an absolute link is not a URL; the network is not used,
 * - a code span or code block names a file of the repository that does not exist.
 *
 *     deno task check:links
 */
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Folders without pages of the repository. */
const SKIPPED: ReadonlySet<string> = new Set(["dist", "node_modules", "shared", "target"]);

/** A link of a page, with the line where it stands. */
export interface Link {
  readonly target: string;
  readonly line: number;
}

/** Replaces code by spaces, so that positions stay. */
function withoutCode(page: string): string {
  const blank = (text: string) => text.replaceAll(/[^\n]/g, " ");
  return page
    .replaceAll(/^( *)(```+|~~~+)[^\n]*\n[\s\S]*?^\1\2[^\n]*$/gm, blank)
    .replaceAll(/<!--[\s\S]*?-->/g, blank)
    .replaceAll(/(?<!`)(`+)(?!`)([\s\S]*?[^`])\1(?!`)/g, blank);
}

function lineAt(page: string, index: number): number {
  return page.slice(0, index).split("\n").length;
}

/** All links and images of a page: inline, by reference and in HTML. */
export function linksOf(page: string): Link[] {
  const text = withoutCode(page);
  const patterns = [
    /\]\(\s*<?([^\s)>]+)>?(?:\s+"[^"]*")?\s*\)/g,
    /^ {0,3}\[[^\]]+\]:\s*<?(\S+?)>?\s*$/gm,
    /\b(?:href|src|srcset)="([^"]+)"/g,
  ];
  return patterns.flatMap((pattern) =>
    [...text.matchAll(pattern)].map((match) => ({
      target: match[1]!,
      line: lineAt(text, match.index),
    }))
  );
}

/** The anchors of a page, as GitHub makes them from headings, and those of HTML. */
export function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>();
  const prose = page.replaceAll(/^( *)(```+|~~~+)[^\n]*\n[\s\S]*?^\1\2[^\n]*$/gm, "");
  for (const [, heading] of prose.matchAll(/^#{1,6} +(.*?)(?: +#+)? *$/gm)) {
    const slug = heading!
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-");
    let unique = slug;
    for (let count = 1; anchors.has(unique); count++) unique = `${slug}-${count}`;
    anchors.add(unique);
  }
  for (const [, id] of prose.matchAll(/\b(?:id|name)="([^"]+)"/g)) anchors.add(id!);
  return anchors;
}

/** Files of the repository that code spans and code blocks of a page name. */
export function namedFiles(page: string, folders: readonly string[]): Link[] {
  const names = folders.map((name) => name.replaceAll(".", "\\.")).join("|");
  const pattern = new RegExp(`(?<![\\w./@:*~-])(?:${names})/[\\w./-]*\\w`, "g");
  const code = /^( *)(```+|~~~+)[^\n]*\n[\s\S]*?^\1\2[^\n]*$|(?<!`)(`+)(?!`)[\s\S]*?[^`]\3(?!`)/gm;
  return [...page.matchAll(code)].flatMap((block) =>
    [...block[0].matchAll(pattern)]
      // A pattern such as src/*.ts names no file.
      .filter((match) => !/^[*<{]/.test(block[0].slice(match.index + match[0].length)))
      .map((match) => ({ target: match[0], line: lineAt(page, block.index + match.index) }))
  );
}

/** The part of the repository that the checker reads. */
export interface Repository {
  /** Markdown files by their path from the root, with `/`. */
  readonly pages: ReadonlyMap<string, string>;
  /** Whether a path from the root exists. */
  exists(path: string): boolean;
  /** Folders of the root that hold files of the repository. */
  readonly folders: readonly string[];
}

/** The problems of the pages, one sentence each. */
export function findBrokenLinks({ pages, exists, folders }: Repository): string[] {
  const problems: string[] = [];
  for (const [path, page] of pages) {
    for (const { target, line } of linksOf(page)) {
      const problem = problemOf(target, path, { pages, exists, folders });
      if (problem !== null) problems.push(`${path}:${line}: ${problem}`);
    }
    for (const { target, line } of namedFiles(page, folders)) {
      if (!exists(target)) problems.push(`${path}:${line}: the file ${target} does not exist`);
    }
  }
  return problems;
}

function problemOf(target: string, from: string, { pages, exists }: Repository): string | null {
  if (/^[a-z][a-z\d+.-]*:/i.test(target)) {
    return URL.canParse(target) ? null : `${target} is not a URL`;
  }
  const [file, anchor] = target.split("#", 2) as [string, string?];
  const path = file === ""
    ? from
    : join(dirname(from), decodeURIComponent(file)).replaceAll("\\", "/").replace(/\/$/, "");
  if (path.startsWith("..")) return `${target} is outside of the repository`;
  if (file !== "" && !exists(path)) return `${target} does not exist`;
  if (anchor === undefined || anchor === "") return null;
  const page = pages.get(path);
  if (page === undefined) return /^L\d+/.test(anchor) ? null : `${target}: ${path} is not a page`;
  return anchorsOf(page).has(anchor) ? null : `${target}: the page has no heading for #${anchor}`;
}

function readRepository(): Repository {
  const pages = new Map<string, string>();
  const folders: string[] = [];
  const walk = (folder: string) => {
    for (const { name, isDirectory, isFile } of Deno.readDirSync(folder)) {
      const path = join(folder, name);
      const hidden = name.startsWith(".") && name !== ".github" && name !== ".ci";
      if (isDirectory && !SKIPPED.has(name) && !hidden) {
        if (folder === ROOT) folders.push(name);
        walk(path);
      } else if (isFile && name.endsWith(".md")) {
        pages.set(relative(ROOT, path).replaceAll("\\", "/"), Deno.readTextFileSync(path));
      }
    }
  };
  walk(ROOT);
  const exists = (path: string) => {
    try {
      Deno.statSync(join(ROOT, path));
      return true;
    } catch {
      return false;
    }
  };
  return { pages, folders, exists };
}

if (import.meta.main) {
  const repository = readRepository();
  const problems = findBrokenLinks(repository);
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) Deno.exit(1);
  const links = [...repository.pages.values()].flatMap(linksOf).length;
  console.log(`Checked ${links} links in ${repository.pages.size} pages`);
}
