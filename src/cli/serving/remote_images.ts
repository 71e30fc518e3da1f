import type { Preparer } from "../../chat/mod.ts";
import type { ServeValues } from "../options/mod.ts";

/** A preparer that also fetches images from the hosts of `--allow-remote-media`, if there are any. */
export async function withRemoteImages(
  preparer: Preparer,
  { "allow-remote-media": hosts, "max-body": maxTotalBytes }: Pick<
    ServeValues,
    "allow-remote-media" | "max-body"
  >,
): Promise<Preparer> {
  if (hosts.length === 0) return preparer;
  const { createImageFetcher } = await import("../../server/remote_media/mod.ts");
  return {
    answer: (info, input, format) => preparer.answer(info, input, format),
    prompt: (info, input) => preparer.prompt(info, input),
    fetchImages: createImageFetcher({ hosts, maxTotalBytes }),
  };
}
