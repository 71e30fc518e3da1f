import { postJson } from "../api/mod.ts";

/** A control of a running answer; see the page of the protocol in docs/api. */
export interface ControlFields {
  readonly stop?: true;
  readonly pause?: true;
  readonly resume?: true;
  readonly rewind?: number;
  readonly insert?: string;
  readonly token?: number;
  readonly fork?: number;
  readonly n?: number;
  readonly keep?: string;
  /** Sampling fields, from the next token on. */
  readonly [field: string]: unknown;
}

/** Steers a running answer. @throws {ApiError} with status 409 if the answer has ended. */
export async function control(
  id: string,
  fields: ControlFields,
): Promise<{ readonly id: string; readonly tokens?: number; readonly forks?: readonly string[] }> {
  return await postJson(`/api/generate/${encodeURIComponent(id)}/control`, fields);
}
