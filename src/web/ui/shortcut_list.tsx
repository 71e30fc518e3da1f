import type { Signal } from "@preact/signals";
import { Dialog } from "./dialog.tsx";
import { keyLabel, type Shortcut } from "./shortcuts.ts";

/** The dialog that lists shortcuts. */
export function ShortcutList({ isOpen, shortcuts }: {
  readonly isOpen: Signal<boolean>;
  readonly shortcuts: readonly Shortcut[];
}) {
  if (!isOpen.value) return null;
  return (
    <Dialog title="Keyboard shortcuts" onClose={() => isOpen.value = false}>
      <table class="shortcuts">
        <thead class="hidden">
          <tr>
            <th scope="col">Keys</th>
            <th scope="col">Effect</th>
          </tr>
        </thead>
        <tbody>
          {shortcuts.map(({ keys, does }) => (
            <tr key={keys}>
              <td>
                <kbd>{keyLabel(keys)}</kbd>
              </td>
              <td>{does}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Dialog>
  );
}
