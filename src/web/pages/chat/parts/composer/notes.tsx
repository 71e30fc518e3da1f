import { useComputed } from "@preact/signals";
import {
  isSoundUrl,
  type MediaFile,
  mediaUrls,
  pathOf,
  promptBytes,
  textBytes,
  type TextFile,
  withoutRoom,
} from "../../../../conversation/mod.ts";
import { type Attachments, isLostByReload } from "../../../../storage/mod.ts";
import { size } from "../../../../ui/mod.ts";
import { current, draftTarget, maxBodyBytes, mediaRefusal, view } from "../../state/mod.ts";

/** What the next message has. */
interface Written {
  readonly text: string;
  readonly attached: Attachments;
}

/** What the server would not take of the next message. */
export interface Surplus {
  readonly files: readonly (TextFile | MediaFile)[];
  /** The messages before it, or its text alone, are too large. */
  readonly isTextTooLarge: boolean;
}

/** The attached files for which the next request has no room; none while the limit is not known. */
export function surplusOf({ text, attached }: Written): Surplus {
  const limit = maxBodyBytes.value ?? Infinity;
  const conversation = current.value.value;
  const room = limit - promptBytes(conversation, pathOf(conversation)) - textBytes(text);
  const files = withoutRoom([...attached.media, ...attached.files], room);
  return { files, isTextTooLarge: room < 0 };
}

/** Whether the server would not take the next request. */
export function isTooLarge({ files, isTextTooLarge }: Surplus): boolean {
  return isTextTooLarge || files.length > 0;
}

const namesOf = (files: readonly { readonly name: string }[]) =>
  files.map(({ name }) => name).join(", ");

/** Tells which attached files are too much for one request. */
export function SizeNote({ surplus }: { readonly surplus: Surplus }) {
  if (!isTooLarge(surplus)) return null;
  const { files, isTextTooLarge } = surplus;
  const limit = size(maxBodyBytes.value ?? 0);
  return (
    <p class="error" role="alert">
      {isTextTooLarge
        ? `The messages of this branch and the text are more than the ${limit} that the server takes in a ` +
          "request: shorten the text, or begin a new chat."
        : `Too much for a request: the server takes ${limit} with all messages of this branch. Remove ${
          namesOf(files)
        }.`}
    </p>
  );
}

/** Tells which attached files a reload loses. */
export function ReloadNote({ attached: { files, media } }: { readonly attached: Attachments }) {
  if (!isLostByReload(draftTarget(current.value.value))) return null;
  return (
    <p class="faint">
      A reload of the page loses these files before they are sent: {namesOf([...media, ...files])}
    </p>
  );
}

/** Tells which of the chosen models take no images or sounds, where the next request would have some. */
export function MediaNote({ attached }: { readonly attached: Attachments }) {
  const earlier = useComputed(() => pathOf(current.value.value).flatMap(mediaUrls));
  const own = mediaUrls(attached);
  const urls = [...own, ...earlier.value];
  const second = view.secondModel.value;
  const chosen = [current.value.value.model, ...(second === null ? [] : [second])];
  const refusals = new Set(chosen.flatMap((model) => [
    ...(urls.some((url) => !isSoundUrl(url)) ? [mediaRefusal(model, "vision")] : []),
    ...(urls.some(isSoundUrl) ? [mediaRefusal(model, "audio")] : []),
  ]));
  refusals.delete(null);
  if (refusals.size === 0) return null;
  return (
    <p class="error" role="alert">
      {[...refusals].join(", ")}: choose another model, or{" "}
      {own.length > 0 ? "remove them" : "begin a new chat"}.
    </p>
  );
}
