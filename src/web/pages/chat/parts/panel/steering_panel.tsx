import type { Sampling } from "../../../../conversation/mod.ts";
import { change, current, setSampling, view } from "../../state/mod.ts";
import { BranchTree } from "./branch_tree.tsx";
import { ToolsField } from "./tools_field.tsx";

/** A field of sampling with the bounds of its slider. */
interface Field {
  readonly name: keyof Sampling;
  readonly label: string;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  /** Where the slider stands without a value. */
  readonly start: number;
}

const FIELDS: readonly Field[] = [
  { name: "temperature", label: "Temperature", min: 0, max: 2, step: 0.05, start: 0.8 },
  { name: "top_p", label: "Top-p", min: 0, max: 1, step: 0.01, start: 0.95 },
  { name: "min_p", label: "Min-p", min: 0, max: 1, step: 0.01, start: 0.05 },
  { name: "top_k", label: "Top-k", min: 0, max: 200, step: 1, start: 40 },
  { name: "repeat_penalty", label: "Repeat penalty", min: 0.5, max: 2, step: 0.01, start: 1 },
];

/** Sampling, the system prompt, the display of tokens, and the tree of branches. */
export function SteeringPanel() {
  const conversation = current.value.value;
  const { id, system, sampling } = conversation;
  return (
    <section class="panel" aria-label="Steering">
      <h2>Sampling</h2>
      <p class="faint">Changes act on running answers from the next token on.</p>
      {FIELDS.map((field) => (
        <Slider
          key={field.name}
          field={field}
          value={sampling[field.name]}
        />
      ))}
      <NumberField name="max_tokens" label="Maximum tokens" value={sampling.max_tokens} min={1} />
      <NumberField name="seed" label="Seed" value={sampling.seed} min={0} />
      <h2>System prompt</h2>
      <label class="field">
        <span class="hidden">System prompt</span>
        <textarea
          rows={4}
          value={system}
          placeholder="The model's default"
          onChange={(event) => {
            const { value } = event.currentTarget;
            change(id, (one) => ({ ...one, system: value }));
          }}
        />
      </label>
      <ToolsField />
      <h2>Tokens</h2>
      <label class="check">
        <input
          type="checkbox"
          checked={view.tokens.value}
          onChange={(event) => view.tokens.value = event.currentTarget.checked}
        />
        <span>Show tokens, coloured by probability</span>
      </label>
      {view.tokens.value && <Legend />}
      <h2>Branches</h2>
      <BranchTree />
    </section>
  );
}

function Slider({ field, value }: { readonly field: Field; readonly value: number | undefined }) {
  const { name, label, min, max, step, start } = field;
  return (
    <div class="slider">
      <label for={`sampling-${name}`}>{label}</label>
      <output for={`sampling-${name}`}>{value ?? "default"}</output>
      <button
        type="button"
        disabled={value === undefined}
        aria-label={`Reset ${label}`}
        onClick={() => setSampling(name, null)}
      >
        Reset
      </button>
      <input
        id={`sampling-${name}`}
        type="range"
        min={min}
        max={max}
        step={step}
        value={value ?? start}
        aria-valuetext={value === undefined ? "default" : String(value)}
        onInput={(event) => setSampling(name, event.currentTarget.valueAsNumber)}
      />
    </div>
  );
}

function NumberField({ name, label, value, min }: {
  readonly name: keyof Sampling;
  readonly label: string;
  readonly value: number | undefined;
  readonly min: number;
}) {
  return (
    <label class="number">
      <span>{label}</span>
      <input
        type="number"
        min={min}
        step={1}
        value={value ?? ""}
        placeholder="default"
        onChange={(event) => {
          const given = event.currentTarget.valueAsNumber;
          setSampling(name, Number.isInteger(given) && given >= min ? given : null);
        }}
      />
    </label>
  );
}

/** What the colours of tokens mean. */
function Legend() {
  const levels = ["below 10 %", "10 to 30 %", "30 to 60 %", "60 to 90 %", "above 90 %"];
  return (
    <ul class="legend">
      {levels.map((text, level) => (
        <li key={level}>
          <span class={`token p${level}`}>token</span> {text}
        </li>
      ))}
    </ul>
  );
}
