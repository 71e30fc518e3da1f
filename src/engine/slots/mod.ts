/** Slots: the streams of the KV cache as requests know them. */
export { Slots } from "./slots.ts";
