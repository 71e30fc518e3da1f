import type { Attachments } from "../../../../storage/mod.ts";
import { isSoundUrl } from "../../../../conversation/mod.ts";
import { Icon, size } from "../../../../ui/mod.ts";

/** The attached files, each with a button that removes it. */
export function Attached({ attached, onChange }: {
  readonly attached: Attachments;
  readonly onChange: (attached: Attachments) => void;
}) {
  const { files, media } = attached;
  if (files.length + media.length === 0) return null;
  return (
    <ul class="files" aria-label="Attached files">
      {media.map((one, index) => (
        <li key={`media ${index}`}>
          {isSoundUrl(one.url ?? "") ? null : <img src={one.url} alt="" />} {one.name}
          <RemoveButton
            name={one.name}
            onClick={() => onChange({ files, media: media.filter((other) => other !== one) })}
          />
        </li>
      ))}
      {files.map((file, index) => (
        <li key={`file ${index}`}>
          {file.name} <span class="faint">{size(file.text.length)}</span>
          <RemoveButton
            name={file.name}
            onClick={() => onChange({ media, files: files.filter((one) => one !== file) })}
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
