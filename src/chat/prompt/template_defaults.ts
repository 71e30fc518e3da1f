import { strftime } from "../jinja/mod.ts";

/** Variables that templates expect besides the conversation; a request may set each of them. */
export function templateDefaults(): Record<string, unknown> {
  const now = new Date();
  return {
    date_string: strftime(now, "%d %b %Y"),
    datetime: strftime(now, "%b %d %Y"),
    // Reasoning of earlier turns stays, so that a prompt begins with the whole of the one before it
    // and the prefix cache holds. Templates have four names for it.
    preserve_thinking: true,
    clear_thinking: false,
    truncate_history_thinking: false,
    drop_thinking: false,
  };
}
