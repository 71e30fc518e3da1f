/** Slots: the streams of the KV cache as requests know them. */
export { type Native, Slots } from "./slots.ts";
