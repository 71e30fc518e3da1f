import { Icon } from "../../../../ui/mod.ts";
import { current, pauseAnswers, resumeAnswers, stopAnswers } from "../../state/mod.ts";

/** The buttons that steer running answers. */
export function RunButtons({ isPaused }: { readonly isPaused: boolean }) {
  const { id } = current.value.value;
  return (
    <>
      {isPaused
        ? (
          <button type="button" onClick={() => void resumeAnswers(id)}>
            <Icon name="play" /> Resume
          </button>
        )
        : (
          <button type="button" onClick={() => void pauseAnswers(id)}>
            <Icon name="pause" /> Pause
          </button>
        )}
      <button type="button" class="primary" title="Stop (Esc)" onClick={() => void stopAnswers(id)}>
        <Icon name="stop" /> Stop
      </button>
    </>
  );
}
