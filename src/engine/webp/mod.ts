/** WebP pictures, which libmtmd does not decode. */

export { decodeWebp } from "./decode_webp.ts";
export { type WebpPicture, webpPicture } from "./webp_file.ts";
export { WEBP_THREAD } from "./messages.ts";
