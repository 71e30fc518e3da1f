import { inlinePreparer, type Preparer } from "../../chat/mod.ts";
import type { MediaInput } from "../../engine/protocol/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { Receipt } from "../../receipts/mod.ts";

/** Files that a saved request only names: images at URLs in their order, and the sound of a form. */
export interface GivenFiles {
  readonly images: readonly MediaInput[];
  readonly sounds: readonly MediaInput[];
}

/** Routes whose requests are forms with a sound: OpenAI's and llama.cpp's. */
const FORM_ROUTE = /^(?:\/v1)?\/audio\/(?:transcriptions|translations)$/;

/** A request that is sent again, and the files that it takes. */
export class FilesOfRequest {
  readonly #files: GivenFiles;
  /** The files that the receipts name, for errors. */
  readonly #named: string;
  /** The same URL is the same image. */
  readonly #byUrl = new Map<string, MediaInput>();
  #usesSound = false;

  constructor(files: GivenFiles, [receipt]: readonly Receipt[]) {
    this.#files = files;
    this.#named = (receipt?.media ?? []).map(({ type, sha256 }) => `${type} ${sha256}`).join(", ");
  }

  /** Renders prompts with the given images in place of those at URLs, which are not fetched. */
  get preparer(): Preparer {
    return {
      answer: (info, input, format) => inlinePreparer.answer(info, input, format),
      prompt: (info, input) => inlinePreparer.prompt(info, input),
      fetchImages: (images) =>
        Promise.resolve(images.map(({ url, field }) => {
          const image = this.#byUrl.get(url) ?? this.#files.images[this.#byUrl.size];
          if (image === undefined) {
            throw this.#missing(`${field}: give the image at the URL with --image FILE`);
          }
          this.#byUrl.set(url, image);
          return { ...image, field };
        })),
    };
  }

  /**
   * The request for the handler of a route.
   *
   * @throws {ShimmyError} `invalid` if the sound of a form is missing
   */
  request(route: string, body: Readonly<Record<string, unknown>>): Request {
    const url = `http://localhost${route}`;
    if (!FORM_ROUTE.test(route)) {
      return new Request(url, { method: "POST", body: JSON.stringify(body) });
    }
    const [sound] = this.#files.sounds;
    if (sound === undefined) throw this.#missing("file: give the sound with --audio FILE");
    this.#usesSound = true;
    const form = new FormData();
    for (const [name, value] of Object.entries(body)) {
      if (Array.isArray(value)) value.forEach((one) => form.append(`${name}[]`, String(one)));
      else form.append(name, String(value));
    }
    form.append("file", new Blob([sound.bytes]), "sound");
    return new Request(url, { method: "POST", body: form });
  }

  /** @throws {ShimmyError} `invalid` for files that the request has no place for. */
  checkUsed(): void {
    const { images, sounds } = this.#files;
    const left = [
      ...(images.length > this.#byUrl.size ? ["--image"] : []),
      ...(sounds.length > (this.#usesSound ? 1 : 0) ? ["--audio"] : []),
    ];
    if (left.length === 0) return;
    const message = `${left.join(", ")}: the request has fewer images at URLs, or no form with a ` +
      "sound; other images and sounds are in the request itself";
    throw new ShimmyError("invalid", `Cannot verify: ${message}`);
  }

  #missing(what: string): ShimmyError {
    return new ShimmyError("invalid", `${what}; the receipt names ${this.#named}`);
  }
}
