/** A progress bar with its figures. */
export function Progress({ label, share, text }: {
  readonly label: string;
  /** 0 to 1; null if it is not known. */
  readonly share: number | null;
  readonly text: string;
}) {
  const value = share === null ? {} : { value: share };
  return (
    <div class="progress">
      <progress aria-label={label} max={1} {...value} />
      <span class="faint">{share === null ? text : text || `${Math.floor(share * 100)} %`}</span>
    </div>
  );
}
