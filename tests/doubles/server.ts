import { createHandler, type Handler } from "../../src/server/app.ts";
import type { Route, ServerSettings } from "../../src/server/route.ts";
import { EngineDouble, type EngineDoubleOptions } from "./engine.ts";
import { entryDouble, PoolDouble } from "./pool.ts";
import { TINY_TEMPLATE } from "./tiny_template.ts";

const SETTINGS: ServerSettings = {
  version: "0.0.0",
  apiKey: null,
  corsOrigins: [],
  loopbackOnly: false,
  maxBodyBytes: 1 << 20,
  keepAliveMs: 1000,
};

export interface ServerDouble {
  readonly handler: Handler;
  readonly engine: EngineDouble;
  /** Sends JSON to a path, or asks with `GET` when there is none. */
  request(path: string, body?: unknown, init?: RequestInit): Promise<Response>;
}

/** A server whose one model, `double`, is an engine double that speaks as a tiny chat model does. */
export function serverDouble(
  routes: readonly Route[],
  options: EngineDoubleOptions = {},
  settings: Partial<ServerSettings> = {},
): ServerDouble {
  const engine = new EngineDouble({
    ...options,
    info: { chatTemplate: TINY_TEMPLATE, ...options.info },
  });
  const pool = new PoolDouble({ entry: entryDouble("double"), engine });
  const handler = createHandler({ pool, settings: { ...SETTINGS, ...settings } }, routes);
  return {
    handler,
    engine,
    request(path, body, init) {
      const sent = body === undefined ? {} : {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      };
      return handler(new Request(`http://127.0.0.1${path}`, { ...sent, ...init }));
    },
  };
}

/** The events of a `text/event-stream` response: name, if there is one, and data. */
export async function readEvents(response: Response): Promise<{ event?: string; data: string }[]> {
  const blocks = (await response.text()).split("\n\n").filter((block) =>
    block.startsWith("data:") || block.startsWith("event:")
  );
  return blocks.map((block) => {
    const lines = block.split("\n");
    const event = lines.find((line) => line.startsWith("event: "))?.slice(7);
    const data = lines.filter((line) => line.startsWith("data: ")).map((line) => line.slice(6));
    return { ...(event === undefined ? {} : { event }), data: data.join("\n") };
  });
}
