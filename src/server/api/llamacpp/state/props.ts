import * as z from "zod";
import { basename } from "node:path";
import { engineFor } from "../../../answers/mod.ts";
import { type Exchange, HttpError, json, type RouteCode } from "../../../http/mod.ts";
import { STATUS_CODE } from "@std/http/status";
import { generationSettings, NO_FIELDS } from "../completion/settings.ts";

const propsAnswer = z.looseObject({
  default_generation_settings: z.object({
    n_ctx: z.int(),
    params: z.looseObject({ seed: z.int(), temperature: z.number() }),
  }),
  total_slots: z.int(),
  model_alias: z.string(),
  model_path: z.string().describe("Name of the file"),
  chat_template: z.string(),
  bos_token: z.string(),
  eos_token: z.string(),
  build_info: z.string(),
  is_sleeping: z.boolean(),
});

async function props(exchange: Exchange): Promise<Response> {
  const { context, url } = exchange;
  const name = url.searchParams.get("model") ?? undefined;
  const { entry, engine } = await engineFor(exchange, name);
  const { info } = engine;
  return json({
    default_generation_settings: {
      n_ctx: info.contextLength,
      params: generationSettings(engine, NO_FIELDS),
    },
    total_slots: info.parallel,
    model_alias: entry.name,
    model_ftype: entry.quantization,
    // Clients do not learn the folders of the server.
    model_path: basename(entry.paths[0] ?? ""),
    modalities: {
      vision: info.media?.vision ?? false,
      video: false,
      audio: info.media?.audio ?? false,
    },
    endpoint_slots: true,
    endpoint_props: false,
    endpoint_metrics: true,
    chat_template: info.chatTemplate ?? "",
    ...(info.toolTemplate === null ? {} : { chat_template_tool_use: info.toolTemplate }),
    bos_token: info.bosText,
    eos_token: info.eosText,
    build_info: `shimmy ${context.settings.version}`,
    is_sleeping: false,
  });
}

/** `GET /props` of llama-server. */
export const getProps: RouteCode = {
  answer: propsAnswer,
  handle: props,
};

/** `POST /props` of llama-server. */
export const setProps: RouteCode = {
  handle() {
    throw new HttpError(
      STATUS_CODE.NotImplemented,
      "This server does not support changing global properties",
    );
  },
};
