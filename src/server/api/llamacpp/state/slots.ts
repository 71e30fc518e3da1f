import * as z from "zod";
import { STATUS_CODE } from "@std/http/status";
import type { SlotStatus } from "../../../../engine/protocol/mod.ts";
import { ShimmyError } from "../../../../errors.ts";
import { engineFor, slotSession } from "../../../answers/mod.ts";
import {
  type Exchange,
  HttpError,
  json,
  readOptionalJson,
  type RouteCode,
} from "../../../http/mod.ts";
import { parseLenient } from "../../../validation/mod.ts";

const slotsAnswer = z.array(z.looseObject({
  id: z.int(),
  n_ctx: z.int(),
  is_processing: z.boolean(),
  speculative: z.boolean(),
  n_prompt_tokens: z.int().describe("Tokens in the cache of the slot"),
}));

const FILE_ERROR = "must be a name of 1 to 128 characters without slashes";

const slotBody = z.strictObject({
  filename: z.string({ error: FILE_ERROR }).regex(/^[^/\\\0]{1,128}$/, { error: FILE_ERROR })
    .nullish().describe("Name of the saved slot; needed by save and restore"),
});

const slotAnswer = z.looseObject({ id_slot: z.int() });

function toSlot(slot: SlotStatus, contextLength: number, speculative: boolean) {
  const { id, tokens, running } = slot;
  return {
    id,
    n_ctx: contextLength,
    speculative,
    is_processing: running !== null,
    n_prompt_tokens: tokens,
    ...(running === null ? {} : {
      n_prompt_tokens_processed: running.promptTokens - running.cachedTokens,
      n_prompt_tokens_cache: running.cachedTokens,
      next_token: [{
        has_next_token: true,
        n_remain: running.remainingTokens,
        n_decoded: running.completionTokens,
      }],
    }),
  };
}

async function list(exchange: Exchange): Promise<Response> {
  const { searchParams } = exchange.url;
  const { engine } = await engineFor(exchange, searchParams.get("model") ?? undefined);
  const { slots, speculation } = await engine.status();
  if (searchParams.has("fail_on_no_slot") && slots.every(({ running }) => running !== null)) {
    throw new HttpError(STATUS_CODE.ServiceUnavailable, "no slot available");
  }
  const { contextLength } = engine.info;
  return json(slots.map((slot) => toSlot(slot, contextLength, speculation === "draft")));
}

const ACTIONS = ["save", "restore", "erase"] as const;

function invalid(field: string, what: string): ShimmyError {
  return new ShimmyError("invalid", `${field}: ${what}`, { field });
}

async function change(exchange: Exchange): Promise<Response> {
  const { params, url } = exchange;
  const asked = url.searchParams.get("action");
  const action = ACTIONS.find((one) => one === asked);
  if (action === undefined) throw invalid("action", `must be one of ${ACTIONS.join(", ")}`);
  if (!/^\d{1,6}$/.test(params.id!)) throw invalid("id_slot", "must be the number of a slot");
  const slot = Number(params.id);
  const body = parseLenient(exchange, slotBody, await readOptionalJson(exchange) ?? {});
  const { engine } = await engineFor(exchange, url.searchParams.get("model") ?? undefined);
  if (action === "erase") {
    const { tokens } = await engine.changeSlot({ action, slot });
    return json({ id_slot: slot, n_erased: tokens });
  }
  const { filename } = body;
  if (!filename) throw invalid("filename", "is required");
  const { tokens, bytes, milliseconds, notice } = await engine.changeSlot({
    action,
    slot,
    session: slotSession(filename),
  });
  const told = notice === undefined ? {} : { notices: [notice] };
  return json(
    action === "save"
      ? {
        ...told,
        ...{ id_slot: slot, filename, n_saved: tokens, n_written: bytes },
        timings: { save_ms: milliseconds },
      }
      : {
        ...told,
        ...{ id_slot: slot, filename, n_restored: tokens, n_read: bytes },
        timings: { restore_ms: milliseconds },
      },
  );
}

/** `GET /slots` of llama-server. A slot is a stream of the KV cache. */
export const listSlots: RouteCode = {
  answer: slotsAnswer,
  handle: list,
};

/** `POST /slots/:id` of llama-server. */
export const changeSlot: RouteCode = {
  body: slotBody,
  answer: slotAnswer,
  handle: change,
};
