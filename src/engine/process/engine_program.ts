/** Internal command that runs `engineChild` of `child_main.ts`. */
export const ENGINE_COMMAND = "__engine";

/** Module that runs it when started as a program. */
export const ENGINE_MODULE: string = new URL("./child_main.ts", import.meta.url).href;
