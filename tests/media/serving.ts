/** Servers with models that read images or audio. */
import { Machine, Server } from "../cli/machine.ts";
import { MEDIA_FOLDER, type MediaModel } from "./setup.ts";

/** A machine and a server with a model that reads images or audio. */
export async function served({ model }: MediaModel, args: string[] = [], folder = MEDIA_FOLDER!) {
  const stack = new AsyncDisposableStack();
  const machine = stack.use(await Machine.start());
  const all = ["--port", "0", "--model-path", model, "--lookup", "off", ...args];
  const server = stack.use(await Server.start(machine, all, { SHIMMY_LIBLLAMA: folder }));
  return { machine, server, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
