/** Servers with models that read images or audio. */
import { Machine, Server } from "../cli/machine.ts";
import { MEDIA_FOLDER, type MediaModel } from "./setup.ts";

/**
 * A machine and a server with a model that reads images or audio.
 *
 * @param env adds to the environment of the server
 */
export async function served(
  { model }: MediaModel,
  args: string[] = [],
  folder = MEDIA_FOLDER!,
  env: Record<string, string> = {},
) {
  const stack = new AsyncDisposableStack();
  const machine = stack.use(await Machine.start());
  const all = ["--port", "0", "--model-path", model, "--lookup", "off", ...args];
  const server = stack.use(await Server.start(machine, all, { SHIMMY_LIBLLAMA: folder, ...env }));
  return { machine, server, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** A route of a dialect, a request about an image or a sound, and where its answer has the text. */
export interface Dialect {
  readonly path: string;
  readonly body: Record<string, unknown>;
  // deno-lint-ignore no-explicit-any
  readonly text: (answer: any) => string;
}

/** Sends the request of a dialect. */
export async function ask(server: Server, { path, body }: Dialect): Promise<Response> {
  return await fetch(server.url(path), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      model: "model",
      ...(path === "/api/chat" ? {} : { temperature: 0 }),
      ...body,
    }),
  });
}
