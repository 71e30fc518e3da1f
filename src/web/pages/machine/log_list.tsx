import { useSignal } from "@preact/signals";
import { entries, type Entry } from "../../events/mod.ts";
import { clock } from "./clock.ts";

const LEVELS = { info: "All lines", warn: "Warnings and errors", error: "Errors" } as const;
const ORDER: readonly Entry["level"][] = ["info", "warn", "error"];

/** The log with the errors, the newest line first. */
export function LogList() {
  const level = useSignal<Entry["level"]>("info");
  const shown = entries.value
    .filter((entry) => ORDER.indexOf(entry.level) >= ORDER.indexOf(level.value))
    .toReversed();
  return (
    <>
      <label>
        Show{" "}
        <select
          value={level.value}
          onChange={(event) => level.value = event.currentTarget.value as Entry["level"]}
        >
          {ORDER.map((one) => <option key={one} value={one}>{LEVELS[one]}</option>)}
        </select>
      </label>
      {shown.length === 0
        ? <p class="faint">There is no line.</p>
        : (
          <ol class="log scrolled" tabIndex={0} aria-label="Log">
            {shown.map(({ id, time, level, text, requestId }) => (
              <li key={id} class={`line line-${level}`}>
                <time dateTime={time}>{clock(time)}</time> <b>{level}</b> {text}
                {requestId && <span class="faint">request {requestId}</span>}
              </li>
            ))}
          </ol>
        )}
    </>
  );
}
