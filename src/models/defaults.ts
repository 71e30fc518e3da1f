import type { Engine } from "../engine/face.ts";
import type { Sampling } from "../engine/protocol.ts";

/** An engine that samples as it is told here where a request says nothing. */
export function withSamplingDefaults(
  engine: Engine,
  defaults: Partial<Sampling> | undefined,
): Engine {
  if (defaults === undefined || Object.keys(defaults).length === 0) return engine;
  return {
    info: engine.info,
    closed: engine.closed,
    generate: (request) =>
      engine.generate({ ...request, sampling: { ...defaults, ...request.sampling } }),
    tokenize: (prompt, addSpecial) => engine.tokenize(prompt, addSpecial),
    detokenize: (tokens) => engine.detokenize(tokens),
    embed: (request) => engine.embed(request),
    changeAdapters: (change) => engine.changeAdapters(change),
    status: () => engine.status(),
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
  };
}
