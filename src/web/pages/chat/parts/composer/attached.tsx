import type { Attachments } from "../../../../storage/mod.ts";
import { isSoundUrl } from "../../../../conversation/mod.ts";
import { Icon, size } from "../../../../ui/mod.ts";

/** The attached files, each with a button that removes it. */
export function Attached({ attached, onChange }: {
  readonly attached: Attachments;
  readonly onChange: (attached: Attachments) => void;
}) {
  const { files, images } = attached;
  if (files.length + images.length === 0) return null;
  return (
    <ul class="files" aria-label="Attached files">
      {images.map((image, index) => (
        <li key={`image ${index}`}>
          {isSoundUrl(image.url ?? "") ? null : <img src={image.url} alt="" />} {image.name}
          <RemoveButton
            name={image.name}
            onClick={() => onChange({ files, images: images.filter((one) => one !== image) })}
          />
        </li>
      ))}
      {files.map((file, index) => (
        <li key={`file ${index}`}>
          {file.name} <span class="faint">{size(file.text.length)}</span>
          <RemoveButton
            name={file.name}
            onClick={() => onChange({ images, files: files.filter((one) => one !== file) })}
          />
        </li>
      ))}
    </ul>
  );
}

function RemoveButton({ name, onClick }: {
  readonly name: string;
  readonly onClick: () => void;
}) {
  return (
    <button type="button" class="icon" aria-label={`Remove ${name}`} onClick={onClick}>
      <Icon name="close" />
    </button>
  );
}
