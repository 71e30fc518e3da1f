import { ShimmyError } from "../../errors.ts";
import { isGgufPath } from "../entry/mod.ts";

/** A model by where it can be had. */
export type Reference = HubReference | OllamaReference | UrlReference;

/** `hf:owner/repo[@revision]`, the same with `:QUANT` or with `/file.gguf`. */
export interface HubReference {
  readonly kind: "hub";
  /** `owner/repo`. */
  readonly repository: string;
  /** A branch, a tag or a commit; `null` is the branch `main`. */
  readonly revision: string | null;
  /** The quantization asked for, as it was written. */
  readonly quantization: string | null;
  /** The path of the file asked for, within the repository. */
  readonly file: string | null;
}

/** `ollama:[host/][namespace/]model[:tag]`. */
export interface OllamaReference {
  readonly kind: "ollama";
  readonly host: string;
  readonly namespace: string;
  readonly model: string;
  readonly tag: string;
}

/** An address of a GGUF file. */
export interface UrlReference {
  readonly kind: "url";
  readonly url: URL;
}

export const OLLAMA_HOST = "registry.ollama.ai";
const HUB_HOSTS: ReadonlySet<string> = new Set(["huggingface.co", "hf.co"]);
/** A part of a path on every system, and of an address as it is. */
const PART = /^[A-Za-z0-9][\w.-]{0,127}$/;
/** The hub's own branches, whose slashes are written as they are. */
const HUB_BRANCH = /^refs\/(?:pr\/\d+|convert\/[\w-]+)$/;
/** `owner/repo`, a revision, and either a quantization or a path. Quantizations and paths are checked later. */
const HUB =
  /^([^/:@]+)\/([^/:@]+)(?:@(refs\/(?:pr\/\d+|convert\/[\w-]+)|[^/:]*))?(?::([^/]*)|\/(.*))?$/;
const HOST = /^[A-Za-z0-9][A-Za-z0-9.-]*(?::\d{1,5})?$/;

/** True when a text is meant as a place to get a model from, and not as a name or a path. */
export function isReference(text: string): boolean {
  return /^(?:hf:|ollama:|https?:\/\/)/i.test(text);
}

/**
 * What a reference means. An address of a file on Hugging Face's own site is the same as `hf:`.
 * @throws {ShimmyError} `invalid`, with what would be right.
 */
export function parseReference(text: string): Reference {
  const rest = text.slice(text.indexOf(":") + 1);
  if (/^hf:/i.test(text)) return hubReference(rest);
  if (/^ollama:/i.test(text)) return ollamaReference(rest);
  if (/^https?:/i.test(text)) return urlReference(text);
  throw refused(
    text,
    "it must be hf:owner/repo[@revision][:QUANT], hf:owner/repo[@revision]/file.gguf, " +
      "ollama:name[:tag] or an https: URL",
  );
}

/** A reference in one spelling, which names what was pulled. */
export function referenceText(reference: Reference): string {
  switch (reference.kind) {
    case "hub": {
      const { repository, revision, quantization, file } = reference;
      const which = revision === null ? repository : `${repository}@${writtenRevision(revision)}`;
      if (file !== null) return `hf:${which}/${file}`;
      return quantization === null ? `hf:${which}` : `hf:${which}:${quantization}`;
    }
    case "ollama": {
      const { host, namespace, model, tag } = reference;
      const prefix = [
        ...(host === OLLAMA_HOST ? [] : [host]),
        ...(host === OLLAMA_HOST && namespace === "library" ? [] : [namespace]),
      ];
      return `ollama:${[...prefix, `${model}:${tag}`].join("/")}`;
    }
    case "url":
      // What stands behind the `?` may be a secret, and says nothing of which file it is.
      return reference.url.origin + reference.url.pathname;
  }
}

function hubReference(rest: string): HubReference {
  const [, owner = "", name = "", written = null, last = null, path = null] = HUB.exec(rest) ?? [];
  if (!PART.test(owner) || !PART.test(name) || name.endsWith(".git")) {
    throw refused(`hf:${rest}`, "after hf: comes owner/repo");
  }
  const revision = written === null ? null : readRevision(written);
  if (revision === undefined) {
    throw refused(
      `hf:${rest}`,
      "after the @ comes a branch, a tag or a commit, with its slashes written as %2F",
    );
  }
  const known = { kind: "hub", repository: `${owner}/${name}`, revision } as const;
  if (last !== null && !PART.test(last)) {
    throw refused(`hf:${rest}`, "after the colon comes a quantization such as Q4_K_M");
  }
  // Other tools take a file's name in this place too, and `latest` for no choice at all.
  const file = last !== null && isGgufPath(last) ? last : path;
  if (file !== null && (!isGgufPath(file) || !isSafePath(file))) {
    throw refused(`hf:${rest}`, "after the repository comes the path of a .gguf file");
  }
  const quantization = file !== null || last?.toLowerCase() === "latest" ? null : last;
  return { ...known, quantization, file };
}

/** A revision as a branch, a tag or a commit is called; undefined for what cannot be one. */
function readRevision(written: string): string | null | undefined {
  let revision: string;
  try {
    revision = decodeURIComponent(written);
  } catch {
    return undefined;
  }
  if (revision === "main") return null;
  // What Git allows of names, as far as every file system takes them. Source: git-check-ref-format
  const right = revision.length <= 255 && isSafePath(revision) && /^[\w./+-]+$/.test(revision);
  return right && !revision.includes("..") && !revision.startsWith("-") ? revision : undefined;
}

function writtenRevision(revision: string): string {
  return HUB_BRANCH.test(revision) ? revision : encodeURIComponent(revision);
}

function ollamaReference(rest: string): OllamaReference {
  const parts = rest.split("/");
  const last = parts.pop() ?? "";
  const [model = "", tag = "latest", ...more] = last.split(":");
  const namespace = parts.pop() ?? "library";
  const host = parts.pop() ?? OLLAMA_HOST;
  const right = parts.length === 0 && more.length === 0 && HOST.test(host) &&
    [namespace, model, tag].every((part) => PART.test(part));
  if (!right) throw refused(`ollama:${rest}`, "after ollama: comes [host/][namespace/]name[:tag]");
  return { kind: "ollama", host, namespace, model, tag };
}

function urlReference(text: string): Reference {
  if (!URL.canParse(text)) throw refused(text, "it is not a URL");
  const url = new URL(text);
  const local = ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  if (url.protocol !== "https:" && !local) throw refused(text, "a URL must begin with https:");
  if (url.username !== "" || url.password !== "") {
    throw refused(url.origin + url.pathname, "a URL must not carry a password");
  }
  const onHub = HUB_HOSTS.has(url.hostname)
    ? /^\/([^/]+\/[^/]+)\/(?:resolve|blob)\/(refs\/pr\/\d+|[^/]+)\/(.+)$/.exec(url.pathname)
    : null;
  if (onHub !== null) {
    return hubReference(`${onHub[1]}@${onHub[2]}/${decoded(onHub[3]!, url)}`);
  }
  fileNameOf(url);
  return { kind: "url", url };
}

/**
 * The name of the file that an address is of.
 * @throws {ShimmyError} `invalid`, unless it is one that every system takes and ends in `.gguf`.
 */
export function fileNameOf(url: URL): string {
  const name = decoded(url.pathname.slice(url.pathname.lastIndexOf("/") + 1), url);
  if (isGgufPath(name) && isSafePath(name)) return name;
  throw refused(url.origin + url.pathname, "a URL must end in the name of a .gguf file");
}

function decoded(part: string, url: URL): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw refused(
      url.origin + url.pathname,
      "a % in a URL must be followed by two digits of UTF-8",
    );
  }
}

/** True when a path leads down from where it begins, and every system takes it. */
export function isSafePath(path: string): boolean {
  return path.split("/").every((part) =>
    // deno-lint-ignore no-control-regex
    part !== "" && !/^\.|[<>:"|?*\\\u0000-\u001f]|[. ]$/.test(part)
  );
}

function refused(text: string, why: string): ShimmyError {
  return new ShimmyError("invalid", `Cannot pull '${text}': ${why}`, { field: "model" });
}
