/** Shapes of 16 by 16 units, drawn with lines. */
const SHAPES = {
  attach: "M13 7.5 8 12.5a3 3 0 0 1-4.5-4.2l5.5-5.5a2 2 0 0 1 3 3l-5.5 5.5a1 1 0 0 1-1.5-1.5l5-5",
  branch: "M5 3v10M5 9c0-3 6-1 6-5M5 3a1 1 0 1 0 0-.1M11 4a1 1 0 1 0 0-.1M5 13a1 1 0 1 0 0-.1",
  check: "m3 8.5 3.5 3.5L13 5",
  close: "m4 4 8 8m0-8-8 8",
  columns: "M2.5 3h11v10h-11zM8 3v10",
  contrast: "M8 2.5a5.5 5.5 0 0 0 0 11zm0 0a5.5 5.5 0 0 1 0 11M6.5 3v10M5 4v8",
  copy: "M6 6h7v7H6zM3 10V3h7",
  down: "m4 6 4 4 4-4",
  download: "M8 2v8m-3-3 3 3 3-3M3 13h10",
  edit: "m3 13 .5-2.5L11 3l2 2-7.5 7.5z",
  keyboard: "M2 4.5h12v7H2zM4.5 7h.1M7 7h.1M9.5 7h.1M12 7h.1M5 9.5h6",
  left: "m10 4-4 4 4 4",
  menu: "M3 4.5h10M3 8h10M3 11.5h10",
  moon: "M13 9.5A5.5 5.5 0 0 1 6.5 3 5.5 5.5 0 1 0 13 9.5z",
  pause: "M5.5 3.5v9m5-9v9",
  play: "m5 3.5 7 4.5-7 4.5z",
  plus: "M8 3v10M3 8h10",
  right: "m6 4 4 4-4 4",
  search: "m10.5 10.5 3 3M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9z",
  send: "M8 13V3m-4 4 4-4 4 4",
  sliders: "M3 5h6m3 0h1M3 11h1m3 0h6M10.5 3.5v3M5.5 9.5v3",
  stop: "M4.5 4.5h7v7h-7z",
  sun:
    "M8 10.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM8 1.5v1m0 11v1M1.5 8h1m11 0h1M3.4 3.4l.7.7m7.8 7.8.7.7m0-9.2-.7.7m-7.8 7.8-.7.7",
  trash: "M3 4.5h10M6 4V2.5h4V4M4.5 4.5l.5 9h6l.5-9",
  upload: "M8 10V2M5 5l3-3 3 3M3 13h10",
  again: "M12.5 6A5 5 0 1 0 13 9m0-6v3.5H9.5",
} as const;

export type IconName = keyof typeof SHAPES;

/** A picture for a button whose text is in its `aria-label`. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="glyph" viewBox="0 0 16 16" aria-hidden="true">
      <path d={SHAPES[name]} />
    </svg>
  );
}
