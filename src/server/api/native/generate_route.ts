import { lazyRoute, type Route } from "../../http/mod.ts";
import { nativeDialect } from "./dialect.ts";
import type { ForeignCode, OtherForm } from "./generate.ts";

/** The other dialect of `POST /api/generate`. */
export interface GenerateDialect extends OtherForm {
  readonly load: () => Promise<ForeignCode>;
}

/**
 * `POST /api/generate`, which two dialects share: the native one handles requests that do not match the
 * other.
 */
export function generateRoute(other?: GenerateDialect): Route {
  return lazyRoute({
    method: "POST",
    path: "/api/generate",
    scope: "chat",
    dialect: nativeDialect,
    summary: "Generate text from a prompt or a conversation",
    streams: ["text/event-stream", "application/x-ndjson"],
  }, async () => {
    const [{ generateCode }, code] = await Promise.all([import("./generate.ts"), other?.load()]);
    return generateCode(other && code && { matches: other.matches, ...code });
  });
}
