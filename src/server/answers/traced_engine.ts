import type { Engine } from "../../engine/mod.ts";
import type { SequenceRequest } from "../../engine/protocol/mod.ts";
import { mediaOf, type Replay } from "../../receipts/mod.ts";
import type { Exchange } from "../http/mod.ts";

/** A model as its receipts name it. */
interface NamedModel {
  readonly name: string;
  readonly paths: readonly string[];
  /** File of the projector, if it has one. */
  readonly projector?: string;
}

/** The models of engines, which do not know their names. */
const models = new WeakMap<Engine, NamedModel>();

/** Remembers which model an engine runs. */
export function rememberModel(engine: Engine, { name, paths, projector }: NamedModel): void {
  models.set(engine, { name, paths, ...(projector === undefined ? {} : { projector }) });
}

/** The model of an engine. */
export function modelOf(engine: Engine): NamedModel {
  return models.get(engine) ?? { name: "", paths: [] };
}

/** The engine, or one whose answers leave traces for the receipts of a request. */
export function tracedEngine(
  { receipts, context: { replay } }: Pick<Exchange, "receipts" | "context">,
  engine: Engine,
): Engine {
  if (!receipts?.isWanted) return engine;
  const model = modelOf(engine);
  const index = receipts.reserve(model);
  const generate: Engine["generate"] = (given, sink) => {
    const request = { ...replayed(given, replay, index), trace: true };
    const media = mediaOf(request.prompt);
    let isStopped = false;
    const running = engine.generate(request, {
      event(event) {
        if (event.type === "done" && event.trace !== undefined) {
          const { trace, usage, finishReason } = event;
          replay?.traced(index, { trace, finishReason, media });
          receipts.add(index, {
            model,
            info: engine.info,
            media,
            trace,
            cachedTokens: usage.cachedTokens,
            isCacheEnabled: request.cachePrompt ?? true,
            hasSession: request.session !== undefined,
            isStopped,
            finishReason,
          });
        }
        sink.event(event);
      },
      flush: () => sink.flush(),
      end: (error) => sink.end(error),
    });
    return {
      control(control) {
        if (control.type === "stop" || control.type === "cancel") isStopped = true;
        running.control(control);
      },
      edit: (edit) => running.edit(edit),
    };
  };
  // The other members keep their engine: some are getters.
  return new Proxy(engine, {
    get(target, name) {
      if (name === "generate") return generate;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** The request with the sampling of the answer that is computed again. */
function replayed(
  request: SequenceRequest,
  replay: Replay | undefined,
  index: number,
): SequenceRequest {
  const sampling = replay?.samplings[index];
  if (sampling === undefined) return request;
  const { reasoning } = request;
  return {
    ...request,
    sampling: sampling.answer,
    ...(reasoning === undefined ? {} : {
      reasoning: { ...reasoning, sampling: sampling.reasoning ?? sampling.answer },
    }),
  };
}
