import type { FetchRemoteImages } from "../../server/mod.ts";
import type { ServeValues } from "../options/mod.ts";

/** Fetches images from the hosts of `--allow-remote-media`; null if there are none. */
export async function remoteImages(
  { "allow-remote-media": hosts, "max-body": maxTotalBytes }: Pick<
    ServeValues,
    "allow-remote-media" | "max-body"
  >,
): Promise<FetchRemoteImages | null> {
  if (hosts.length === 0) return null;
  const { createImageFetcher } = await import("../../server/remote_media/mod.ts");
  return createImageFetcher({ hosts, maxTotalBytes });
}
