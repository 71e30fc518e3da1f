/** Image files before libmtmd decodes them: format, size and limits. */
export { checkImage, checkPixels, damagedImage, MAX_IMAGE_BYTES } from "./check_image.ts";
export { decodableFile } from "./decodable_file.ts";
export { imageHeader } from "./image_header.ts";
export { type Pixels, uprightPixels } from "./orientation.ts";
