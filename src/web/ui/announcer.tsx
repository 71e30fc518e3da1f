import { signal } from "@preact/signals";

/** Milliseconds for which a message is shown. */
const SHOWN_MS = 4_000;

interface Announcement {
  readonly id: number;
  readonly text: string;
  /** Quiet messages are for screen readers only. */
  readonly kind: "note" | "error" | "quiet";
}

const CLASSES = { note: undefined, error: "error", quiet: "hidden" } as const;

const announcements = signal<readonly Announcement[]>([]);
let last = 0;

/** Shows a message for a short time. Screen readers read it. */
export function announce(
  text: string,
  { isError = false, isQuiet = false }: { isError?: boolean; isQuiet?: boolean } = {},
): void {
  const id = ++last;
  const kind = isError ? "error" : isQuiet ? "quiet" : "note";
  announcements.value = [...announcements.value, { id, text, kind }];
  setTimeout(() => {
    announcements.value = announcements.value.filter((one) => one.id !== id);
  }, isError ? 2 * SHOWN_MS : SHOWN_MS);
}

/** The place of the messages. */
export function Announcer() {
  return (
    <div class="announcer" role="status" aria-live="polite">
      {announcements.value.map(({ id, text, kind }) => <p key={id} class={CLASSES[kind]}>{text}
      </p>)}
    </div>
  );
}
