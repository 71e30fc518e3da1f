import type { AnswerEvent, AnswerRequest } from "../../../../chat/mod.ts";
import { collectEvents, type Engine } from "../../../../engine/mod.ts";
import { type Caller, choicesOf, type Indexed } from "../../../answers/mod.ts";
import { CollectedAnswer } from "./collected_answer.ts";

/** The finished answers of all choices. */
export async function collectChoices(
  caller: Caller,
  engine: Engine,
  requests: readonly AnswerRequest[],
): Promise<readonly CollectedAnswer[]> {
  const answers = requests.map(() => new CollectedAnswer());
  await collectEvents<Indexed<AnswerEvent>>(
    (sink) => choicesOf(caller, engine, requests, sink).run(engine.info.parallel),
    ({ index, value }) => answers[index]!.add(value),
  );
  return answers;
}
