import { isSoundUrl, type MediaFile } from "../../../conversation/mod.ts";

/** The images and sounds of a message. */
export function Media({ media }: { readonly media: readonly MediaFile[] }) {
  return (
    <ul class="media" aria-label="Images and sounds">
      {media.map(({ name, url }, index) => (
        <li key={index}>
          {url === undefined
            ? (
              <span class="faint">
                {name}: no longer kept by this browser, and not sent to the model
              </span>
            )
            : isSoundUrl(url)
            ? <audio src={url} aria-label={name} title={name} controls preload="metadata" />
            : <img src={url} alt={name} title={name} decoding="async" />}
        </li>
      ))}
    </ul>
  );
}
