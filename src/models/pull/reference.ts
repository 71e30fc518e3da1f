import { ShimmyError } from "../../errors.ts";
import { isGgufPath } from "../entry/mod.ts";

/** The source of a model to pull. */
export type Reference = HubReference | OllamaReference | UrlReference;

/** `hf:owner/repo[@revision]`, optionally with `:QUANT` or `/file.gguf`. */
export interface HubReference {
  readonly kind: "hub";
  /** `owner/repo`. */
  readonly repository: string;
  /** A branch, a tag or a commit; `null` means the branch `main`. */
  readonly revision: string | null;
  /** The requested quantization, as written. */
  readonly quantization: string | null;
  /** The path of the requested file within the repository. */
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

/** The URL of a GGUF file. */
export interface UrlReference {
  readonly kind: "url";
  readonly url: URL;
}

export const OLLAMA_HOST = "registry.ollama.ai";
const HUB_HOSTS: ReadonlySet<string> = new Set(["huggingface.co", "hf.co"]);
/** A path component that is valid on every system and needs no escaping in a URL. */
const PART = /^[A-Za-z0-9][\w.-]{0,127}$/;
/** The hub's own branches. Their slashes are not escaped. */
const HUB_BRANCH = /^refs\/(?:pr\/\d+|convert\/[\w-]+)$/;
/**
 * `owner/repo`, a revision, and a quantization or a path. Quantization and path are checked later.
 */
const HUB =
  /^([^/:@]+)\/([^/:@]+)(?:@(refs\/(?:pr\/\d+|convert\/[\w-]+)|[^/:]*))?(?::([^/]*)|\/(.*))?$/;
const HOST = /^[A-Za-z0-9][A-Za-z0-9.-]*(?::\d{1,5})?$/;

/** True if the text is a reference to pull, and not a model name or a path. */
export function isReference(text: string): boolean {
  return /^(?:hf:|ollama:|https?:\/\/)/i.test(text);
}

/**
 * Parses a reference. A file URL on Hugging Face's site is equivalent to `hf:`.
 *
 * @throws {ShimmyError} `invalid`, with the allowed forms.
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

/** Formats a reference in its canonical spelling, the key of the pull record. */
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
      // The query may contain a secret and does not identify the file.
      return reference.url.origin + reference.url.pathname;
  }
}

function hubReference(rest: string): HubReference {
  const [, owner = "", name = "", written = null, last = null, path = null] = HUB.exec(rest) ?? [];
  if (!PART.test(owner) || !PART.test(name) || name.endsWith(".git")) {
    throw refused(`hf:${rest}`, "expected owner/repo after 'hf:'");
  }
  const revision = written === null ? null : readRevision(written);
  if (revision === undefined) {
    throw refused(
      `hf:${rest}`,
      "expected a branch, tag or commit after '@', with slashes written as %2F",
    );
  }
  const known = { kind: "hub", repository: `${owner}/${name}`, revision } as const;
  if (last !== null && !PART.test(last)) {
    throw refused(`hf:${rest}`, "expected a quantization such as Q4_K_M after ':'");
  }
  // Other tools also accept a file name here, and `latest` as the default quantization.
  const file = last !== null && isGgufPath(last) ? last : path;
  if (file !== null && (!isGgufPath(file) || !isSafePath(file))) {
    throw refused(`hf:${rest}`, "expected the path of a .gguf file after the repository");
  }
  const quantization = file !== null || last?.toLowerCase() === "latest" ? null : last;
  return { ...known, quantization, file };
}

/** Decodes a revision. Returns null for `main`, and undefined for an invalid revision. */
function readRevision(written: string): string | null | undefined {
  let revision: string;
  try {
    revision = decodeURIComponent(written);
  } catch {
    return undefined;
  }
  if (revision === "main") return null;
  // Git's rules for names, restricted to characters that every file system accepts. Source:
  // git-check-ref-format
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
  if (!right) {
    throw refused(`ollama:${rest}`, "expected [host/][namespace/]name[:tag] after 'ollama:'");
  }
  return { kind: "ollama", host, namespace, model, tag };
}

function urlReference(text: string): Reference {
  if (!URL.canParse(text)) throw refused(text, "it is not a URL");
  const url = new URL(text);
  const local = ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  if (url.protocol !== "https:" && !local) throw refused(text, "a URL must begin with https:");
  if (url.username !== "" || url.password !== "") {
    throw refused(url.origin + url.pathname, "a URL must not contain a password");
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
 * The file name in a URL.
 *
 * @throws {ShimmyError} `invalid` if the name is not valid on every system or does not end in
 * `.gguf`.
 */
export function fileNameOf(url: URL): string {
  const name = decoded(url.pathname.slice(url.pathname.lastIndexOf("/") + 1), url);
  if (isGgufPath(name) && isSafePath(name)) return name;
  throw refused(url.origin + url.pathname, "a URL must end in a .gguf file name");
}

function decoded(part: string, url: URL): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw refused(
      url.origin + url.pathname,
      "a % in a URL must be followed by two hexadecimal digits of UTF-8",
    );
  }
}

/** True if a path is relative, stays within its root and is valid on every system. */
export function isSafePath(path: string): boolean {
  return path.split("/").every((part) =>
    // deno-lint-ignore no-control-regex
    part !== "" && !/^\.|[<>:"|?*\\\u0000-\u001f]|[. ]$/.test(part)
  );
}

function refused(text: string, reason: string): ShimmyError {
  return new ShimmyError("invalid", `Cannot pull '${text}': ${reason}`, { field: "model" });
}
