import { useSignal } from "@preact/signals";
import { announce, Dialog } from "../../ui/mod.ts";
import { messageOf, remove } from "./store.ts";

/** Asks before the file of a model is deleted. */
export function DeleteDialog({ name, onClose }: {
  readonly name: string;
  readonly onClose: () => void;
}) {
  const error = useSignal<string | null>(null);
  const isRunning = useSignal(false);
  const confirm = async () => {
    isRunning.value = true;
    try {
      await remove(name);
      announce(`${name} is deleted`);
      onClose();
    } catch (thrown) {
      error.value = messageOf(thrown);
      isRunning.value = false;
    }
  };
  return (
    <Dialog title={`Delete ${name}?`} onClose={onClose}>
      <p>The model is unloaded and its file is deleted.</p>
      {error.value !== null && <p class="failure" role="alert">{error.value}</p>}
      <div class="actions">
        <button type="button" onClick={onClose}>Keep</button>
        <button
          type="button"
          class="danger"
          disabled={isRunning.value}
          onClick={() => void confirm()}
        >
          Delete
        </button>
      </div>
    </Dialog>
  );
}
