import { strftime } from "../jinja/mod.ts";

/** Default values of template variables. A request may override them. */
export function templateDefaults(): Record<string, unknown> {
  const now = new Date();
  return {
    date_string: strftime(now, "%d %b %Y"),
    datetime: strftime(now, "%b %d %Y"),
    // Keeps the reasoning of earlier turns, so that each prompt starts with the previous one and
    // the prefix cache applies. Templates have four names for this option.
    preserve_thinking: true,
    clear_thinking: false,
    truncate_history_thinking: false,
    drop_thinking: false,
  };
}
