import { useSignal } from "@preact/signals";
import { probabilityText, visibleText } from "../../../../live/mod.ts";
import { Dialog, Icon } from "../../../../ui/mod.ts";
import { current, forkAnswer, insertText, pickToken, type Place } from "../../state/mod.ts";

/** Forks that one click starts. */
const FORKS = 3;

/** The alternatives of a token, and what can be done from there. */
export function TokenDialog({ place, isRunning, onClose }: {
  readonly place: Place;
  readonly isRunning: boolean;
  readonly onClose: () => void;
}) {
  const { id, index, text, alternatives = [] } = place.piece;
  const typed = useSignal("");
  const then = (done: Promise<void>) => {
    void done;
    onClose();
  };
  return (
    <Dialog title={`Token ${index}: ${visibleText(text)}`} onClose={onClose}>
      {alternatives.length > 0
        ? (
          <ul class="alternatives" aria-label="Alternatives">
            {alternatives.map((alternative) => (
              <li key={alternative.id}>
                <button
                  type="button"
                  aria-current={alternative.id === id}
                  onClick={() => then(pickToken(place, alternative))}
                >
                  <code>{visibleText(alternative.token)}</code>
                  <meter min={0} max={1} value={Math.exp(alternative.logprob)} aria-hidden="true" />
                  <span>{probabilityText(alternative.logprob)}</span>
                </button>
              </li>
            ))}
          </ul>
        )
        : (
          <p class="faint">
            This answer was made without alternatives: show tokens, then answer again.
          </p>
        )}
      <p class="faint">
        {isRunning
          ? "The answer goes on from your choice; what follows the token is dropped."
          : "Your choice begins another branch."}
        {current.value.value.sampling.temperature === 0 &&
          " With temperature 0, all forks have the same text."}
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          then(insertText(place, typed.value));
        }}
      >
        <label class="field">
          <span>Other text in its place; empty: the model chooses again</span>
          <input value={typed.value} onInput={(event) => typed.value = event.currentTarget.value} />
        </label>
        <div class="actions">
          <button type="button" onClick={() => then(forkAnswer(place, FORKS))}>
            <Icon name="branch" /> Fork {FORKS} ways from here
          </button>
          <button type="submit" class="primary">Go on from here</button>
        </div>
      </form>
    </Dialog>
  );
}
