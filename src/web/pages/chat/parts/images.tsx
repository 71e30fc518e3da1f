import type { ImageFile } from "../../../conversation/mod.ts";

/** The images of a message. */
export function Images({ images }: { readonly images: readonly ImageFile[] }) {
  return (
    <ul class="images" aria-label="Images">
      {images.map(({ name, url }, index) => (
        <li key={index}>
          {url === undefined
            ? (
              <span class="faint">
                {name}: no longer kept by this browser, and not sent to the model
              </span>
            )
            : <img src={url} alt={name} title={name} decoding="async" />}
        </li>
      ))}
    </ul>
  );
}
