export type { GenerationContext } from "./generation.ts";
export { Loop } from "./loop.ts";
