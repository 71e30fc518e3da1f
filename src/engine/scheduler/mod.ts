export type { Generation } from "./generation.ts";
export { Loop } from "./loop.ts";
