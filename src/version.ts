import config from "../deno.json" with { type: "json" };

/** Shimmy's version. */
export const VERSION: string = config.version;
