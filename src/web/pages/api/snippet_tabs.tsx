import { useSignal } from "@preact/signals";
import { copyText, Icon } from "../../ui/mod.ts";
import { type Asked, type Language, LANGUAGES } from "./snippets.ts";

const NAMES = Object.keys(LANGUAGES) as Language[];

/** The request as text of a program, in the chosen language. */
export function SnippetTabs({ asked }: { readonly asked: Asked }) {
  const language = useSignal<Language>("curl");
  const text = LANGUAGES[language.value](asked);
  return (
    <section class="snippet" aria-label="The same request for programs">
      <div class="row" role="group" aria-label="Language">
        {NAMES.map((name) => (
          <button
            key={name}
            type="button"
            aria-pressed={name === language.value}
            onClick={() => language.value = name}
          >
            {name}
          </button>
        ))}
        <span class="space" />
        <button
          type="button"
          class="icon"
          aria-label="Copy the snippet"
          onClick={() => void copyText(text)}
        >
          <Icon name="copy" />
        </button>
      </div>
      <pre class="scrolled" tabIndex={0} aria-label="Snippet">{text}</pre>
    </section>
  );
}
