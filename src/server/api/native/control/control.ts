import { STATUS_CODE } from "@std/http/status";
import type { AnswerEdit, Format } from "../../../../chat/mod.ts";
import type { Control, Sampling } from "../../../../engine/protocol/mod.ts";
import { ShimmyError } from "../../../../errors.ts";
import { choiceId, findChoice, type NamedChoice } from "../../../answers/mod.ts";
import { type Exchange, HttpError, readJson, type RouteCode } from "../../../http/mod.ts";
import { answerIdOf } from "../../../resuming/mod.ts";
import { parseStrict } from "../../../validation/mod.ts";
import { isGiven, toSampling } from "../../../schemas/mod.ts";
import {
  type ControlAnswer,
  controlAnswerSchema,
  type ControlBody,
  controlBody,
} from "../schema.ts";
import { ControlRate } from "./control_rate.ts";

/** Maximum forks of a request that run at a time. */
const MAX_RUNNING_FORKS = 16;

/** Maximum answers of a request with all of its forks, also those that have ended. */
const MAX_ANSWERS = 1_024;

/** What a control does. */
export interface AnswerControl {
  /** Controls before and after the edit. */
  readonly before: readonly Control[];
  readonly edit: AnswerEdit | null;
  readonly after: readonly Control[];
  readonly fork: {
    readonly at: number;
    readonly count: number;
    readonly sampling: Partial<Sampling>;
  } | null;
  /** Id of the answer to keep. */
  readonly keep: string | null;
}

/**
 * Reads a control.
 * @throws {ShimmyError} `invalid` for fields that exclude each other.
 */
export function readControl(body: ControlBody): AnswerControl {
  const sampling = toSampling(body);
  const hasSampling = Object.keys(sampling).length > 0;
  const { fork, keep } = body;
  const phase = body.phase ?? undefined;
  if (phase !== undefined && !hasSampling) throw invalid("phase", "requires a sampling field");
  if (isGiven(body.n) && !isGiven(fork)) throw invalid("n", "requires fork");
  const edit = toEdit(body);
  const { pause, resume, stop } = body;
  const isOther = edit !== null || pause || resume || stop;
  if (isGiven(fork) && (isOther || isGiven(keep) || phase !== undefined)) {
    throw invalid("fork", "can be used with n and sampling fields only");
  }
  if (isGiven(keep) && (isOther || hasSampling)) throw invalid("keep", "must be the only field");
  const steers = hasSampling && !isGiven(fork);
  const changes = { sampling, ...(phase === undefined ? {} : { phase }) };
  return {
    before: [
      ...(steers && edit === null ? [{ type: "sampling", ...changes } as const] : []),
      ...(pause ? [{ type: "pause" } as const] : []),
    ],
    edit: edit === null || !steers ? edit : { ...edit, ...changes },
    after: [
      ...(resume ? [{ type: "resume" } as const] : []),
      ...(stop ? [{ type: "stop" } as const] : []),
    ],
    fork: isGiven(fork) ? { at: fork, count: body.n ?? 1, sampling } : null,
    keep: keep ?? null,
  };
}

/** The change of the tokens or of the format; null without one. */
function toEdit(body: ControlBody): AnswerEdit | null {
  const { rewind, insert, token } = body;
  if (isGiven(insert) && isGiven(token)) {
    throw invalid("token", "cannot be used with insert: choose one");
  }
  const format = toFormat(body);
  const edit: AnswerEdit = {
    ...(isGiven(rewind) ? { keep: rewind } : {}),
    ...(isGiven(insert) ? { text: insert } : {}),
    ...(isGiven(token) ? { tokens: [token] } : {}),
    ...(format === null ? {} : { format }),
  };
  return Object.keys(edit).length === 0 ? null : edit;
}

function toFormat({ grammar, json_schema: schema, unconstrained }: ControlBody): Format | null {
  const given = [isGiven(grammar), isGiven(schema), unconstrained === true];
  if (given.filter(Boolean).length > 1) {
    throw invalid("grammar", "choose one of grammar, json_schema and unconstrained");
  }
  if (isGiven(grammar)) return { type: "grammar", source: grammar };
  if (isGiven(schema)) return { type: "json_schema", schema };
  return unconstrained ? { type: "text" } : null;
}

/**
 * Applies a control to an answer. Controls without a change of tokens or format take effect at once.
 *
 * @throws {ShimmyError} `invalid` for a control that the answer refuses; 409 for an answer that has ended
 * or not begun; 429 for too many controls.
 */
export async function applyControl(
  { answers, index }: NamedChoice,
  control: AnswerControl,
): Promise<ControlAnswer> {
  const { choices, forked } = answers;
  const id = choiceId(answers.id, index);
  const { fork, keep, edit } = control;
  const rate = rateOf(choices);
  if (!isStop(control)) rate.take(fork?.count);
  if (fork !== null) {
    if (choices.runningForks + fork.count > MAX_RUNNING_FORKS) {
      throw invalid("n", `at most ${MAX_RUNNING_FORKS} forks of a request can run at a time`);
    }
    if (choices.count + fork.count > MAX_ANSWERS) {
      throw invalid("fork", `a request has at most ${MAX_ANSWERS} answers with its forks`);
    }
    const made = conflict(() => choices.fork(index, fork, fork.count));
    // Responses that cannot tell of forks (`forked` is absent) have refused the fork here.
    forked!(made);
    return { id, forks: made.choices.map((choice) => choiceId(answers.id, choice)) };
  }
  if (keep !== null) {
    choices.keep(keptIndex(answers.id, keep, choices.count));
    return { id };
  }
  if (choices.hasEnded(index)) throw new HttpError(STATUS_CODE.Conflict, "The answer has ended");
  for (const one of control.before) choices.control(one, index);
  let tokens: number | null = null;
  if (edit !== null) {
    tokens = await rate.edit(() => choices.edit(index, edit)).catch((error) => {
      if (isUnknown(error)) rate.giveBack();
      return conflict(() => {
        throw error;
      });
    });
  }
  for (const one of control.after) choices.control(one, index);
  return { id, ...(tokens === null ? {} : { tokens }) };
}

/** Whether a control only stops the answer. Such controls do not count for the limit of the rate. */
function isStop({ before, edit, after, fork, keep }: AnswerControl): boolean {
  return before.length === 0 && edit === null && fork === null && keep === null &&
    after.every(({ type }) => type === "stop");
}

const rates = new WeakMap<NamedChoice["answers"]["choices"], ControlRate>();

function rateOf(choices: NamedChoice["answers"]["choices"]): ControlRate {
  const rate = rates.get(choices) ?? new ControlRate();
  rates.set(choices, rate);
  return rate;
}

function keptIndex(id: string, kept: string, count: number): number {
  for (let index = 0; index < count; index++) if (choiceId(id, index) === kept) return index;
  throw invalid("keep", `'${kept}' is not an answer of this request`);
}

/** Runs work; an error about an answer that has not begun or has ended gets status 409 instead of 404. */
function conflict<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isUnknown(error)) throw error;
    throw new HttpError(STATUS_CODE.Conflict, error.message, { cause: error });
  }
}

/** Whether an error says that the answer has ended, or has not begun. */
function isUnknown(error: unknown): error is ShimmyError {
  return error instanceof ShimmyError && error.kind === "not_found";
}

function invalid(field: string, what: string): ShimmyError {
  return new ShimmyError("invalid", `${field}: ${what}`, { field });
}

async function control(exchange: Exchange): Promise<Response> {
  const choice = findChoice(exchange, await answerIdOf(exchange, exchange.params.id!));
  const body = parseStrict(controlBody, await readJson(exchange));
  return Response.json(await applyControl(choice, readControl(body)));
}

/** `POST /api/generate/:id/control`: controls of an answer that streams over HTTP. */
export const controlAnswer: RouteCode = {
  body: controlBody,
  answer: controlAnswerSchema,
  handle: control,
};
