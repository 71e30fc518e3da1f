/**
 * Parts that all pages use: dialogs, icons, keyboard shortcuts, messages for screen readers, numbers as
 * text.
 *
 * @module
 */
export { announce, Announcer } from "./announcer.tsx";
export { copyText } from "./copy.ts";
export { Dialog } from "./dialog.tsx";
export { count, duration, rate, size, time } from "./format.ts";
export { Icon, type IconName } from "./icon.tsx";
export { memo } from "./memo.ts";
export { isEditable, keyLabel, type Shortcut, useShortcuts } from "./shortcuts.ts";
export { ShortcutList } from "./shortcut_list.tsx";
