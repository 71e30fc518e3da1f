import { signal } from "@preact/signals";
import { keepText, keptText } from "../kept/mod.ts";
import { Icon } from "../ui/mod.ts";

/** The colour schemes; `auto` follows the system. */
const SCHEMES = ["auto", "light", "dark"] as const;

type Scheme = typeof SCHEMES[number];

const STORED = "shimmy.scheme";

const scheme = signal<Scheme>(stored());

function stored(): Scheme {
  const value = keptText("always", STORED);
  return SCHEMES.find((one) => one === value) ?? "auto";
}

scheme.subscribe((value) => {
  if (value === "auto") delete document.documentElement.dataset.scheme;
  else document.documentElement.dataset.scheme = value;
});

/** A button that steps through the colour schemes. */
export function SchemeButton() {
  const next = SCHEMES[(SCHEMES.indexOf(scheme.value) + 1) % SCHEMES.length]!;
  const label = `Colours: ${scheme.value}; change to ${next}`;
  const step = () => {
    scheme.value = next;
    keepText("always", STORED, next);
  };
  return (
    <button type="button" class="icon" aria-label={label} title={label} onClick={step}>
      <Icon
        name={scheme.value === "dark" ? "moon" : scheme.value === "light" ? "sun" : "contrast"}
      />
    </button>
  );
}
