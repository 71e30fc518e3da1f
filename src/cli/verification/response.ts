/** The JSON values of a response. */
export interface ResponseValues {
  readonly values: readonly unknown[];
  /** The values are events of a stream. Otherwise they are the whole response, or the parts of its list. */
  readonly isStream: boolean;
}

/** The values of a response that is a value, or a text of JSON, server-sent events or JSON lines. */
export function responseValues(response: unknown): ResponseValues {
  if (typeof response !== "string") return whole(response);
  const value = parsed(response);
  if (value !== undefined) return whole(value);
  const lines = response.split(/\r?\n/).map((line) => parsed(line.replace(/^data: /, "")));
  return { values: lines.filter((line) => line !== undefined), isStream: true };
}

function whole(value: unknown): ResponseValues {
  return { values: Array.isArray(value) ? value : [value], isStream: false };
}

/** The value of a text; undefined if it is not JSON. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether a value is a JSON object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
