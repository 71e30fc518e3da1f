import type { Route } from "../../route.ts";
import { chatRoutes } from "./chat.ts";
import { completionRoutes } from "./completions.ts";
import { modelRoutes } from "./models.ts";

export { openaiDialect } from "./dialect.ts";

/** Every route of OpenAI's API that is served. */
export const openaiRoutes: readonly Route[] = [...modelRoutes, ...chatRoutes, ...completionRoutes];
