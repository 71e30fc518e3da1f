import type { Environment, Interpreter } from "@huggingface/jinja";
import { BudgetError, type Limits, spend, withBudget } from "../../budget.ts";
import { messageOf, ShimmyError } from "../../errors.ts";
import { makeCompatible, setFunctions } from "./compatibility.ts";
import { meter } from "./metering.ts";
import { strftime } from "./strftime.ts";
import { valuesOf } from "./values.ts";

/** A parsed chat template. */
export interface Template {
  readonly source: string;
  /**
   * Renders a conversation as text.
   *
   * @throws {ShimmyError} `invalid` with the template's own error message, or if rendering exceeds
   * its budget.
   */
  render(variables: Readonly<Record<string, unknown>>): string;
}

/** Maximum length of a template's `range`. Templates are as untrusted as model files. */
const RANGE_LIMIT = 100_000;

/**
 * The budget of a rendering. Templates of long conversations with many tools need less than a
 * hundredth of the steps.
 */
export const RENDER_LIMITS: Limits = {
  steps: 10_000_000,
  milliseconds: 5_000,
  heapBytes: 512 * 1024 * 1024,
};

const parsed = new Map<string, Promise<Template>>();

/** Maximum number of cached templates: more than a server has loaded models. */
const CACHE_LIMIT = 32;

/**
 * Parses a Jinja template with Hugging Face's options (`trim_blocks`, `lstrip_blocks`, no trailing
 * newline). Parsed templates are cached.
 *
 * @throws {ShimmyError} `backend` if the model's template cannot be parsed.
 */
export function loadTemplate(source: string): Promise<Template> {
  let template = parsed.get(source);
  if (template === undefined) {
    const oldest = parsed.keys().next();
    if (parsed.size >= CACHE_LIMIT && !oldest.done) parsed.delete(oldest.value);
    parsed.set(source, template = parseTemplate(source));
  }
  return template;
}

async function parseTemplate(source: string): Promise<Template> {
  const jinja = await import("@huggingface/jinja");
  let program: ReturnType<typeof jinja.parse>;
  try {
    program = jinja.parse(jinja.tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
    makeCompatible(program);
  } catch (cause) {
    throw new ShimmyError("backend", "Cannot parse the model's chat template", {
      detail: messageOf(cause),
      cause,
    });
  }
  const values = valuesOf(new jinja.Environment());
  return {
    source,
    render(variables) {
      const environment = new jinja.Environment();
      setGlobals(environment);
      setFunctions(environment, values);
      const interpreter: Interpreter = meter(new jinja.Interpreter(environment));
      try {
        for (const [name, value] of Object.entries(variables)) {
          if (value !== undefined) environment.set(name, value);
        }
        return withBudget(RENDER_LIMITS, SPENT, () => String(interpreter.run(program).value));
      } catch (cause) {
        if (cause instanceof BudgetError) throw templateBudgetError(cause);
        throw new ShimmyError(
          "invalid",
          `messages: the model's chat template refuses the messages: ${messageOf(cause)}`,
          { field: "messages", cause },
        );
      }
    },
  };
}

const SPENT = "it takes too many steps, too much time or too much memory";

/** Whether an error of {@linkcode Template.render} says that the rendering exceeded its budget. */
export function isTemplateBudgetError(error: unknown): error is ShimmyError {
  return error instanceof ShimmyError && error.cause instanceof BudgetError;
}

/** The error for a template whose rendering exceeds its budget. */
function templateBudgetError(cause: Error): ShimmyError {
  const message = `messages: cannot render the model's chat template: ${cause.message}`;
  return new ShimmyError("invalid", message, { field: "messages", cause });
}

/** Defines the globals of chat templates. */
function setGlobals(environment: Environment): void {
  const globals: Record<string, unknown> = {
    true: true,
    false: false,
    none: null,
    True: true,
    False: false,
    None: null,
    range,
    strftime_now: (format: string) => strftime(new Date(), format),
    raise_exception: (message: string) => {
      throw new Error(message);
    },
  };
  for (const [name, value] of Object.entries(globals)) environment.set(name, value);
}

/** Python's `range`. */
function range(first: number, last?: number, step = 1): number[] {
  const [start, stop] = last === undefined ? [0, first] : [first, last];
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (!(length <= RANGE_LIMIT)) throw new RangeError("range() is too long");
  spend(length);
  return Array.from({ length }, (_, index) => start + index * step);
}
