/**
 * Markdown of answers as safe HTML, by blocks, so that a growing text costs only its last blocks.
 *
 * @module
 */
export { type Block, BlockList } from "./blocks.ts";
export { Markdown } from "./markdown.tsx";
