import { tokenize } from "./c_tokens.ts";

const PRECEDENCE: Readonly<Record<string, number>> = {
  "|": 1,
  "&": 2,
  "<<": 3,
  ">>": 3,
  "+": 4,
  "-": 4,
  "*": 5,
  "/": 5,
};

function apply(operator: string, left: number, right: number): number {
  switch (operator) {
    case "|":
      return left | right;
    case "&":
      return left & right;
    case "<<":
      return left << right;
    case ">>":
      return left >> right;
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    default:
      return Math.trunc(left / right);
  }
}

/**
 * Evaluates a constant integer expression of C.
 *
 * @param lookup value of an identifier, `undefined` if it has none
 * @param sizeOf size in bytes of a type in `sizeof`
 * @returns `undefined` if the text is not an integer expression or has an unknown name
 */
export function evaluate(
  text: string,
  lookup: (name: string) => number | undefined,
  sizeOf: (type: string) => number | undefined,
): number | undefined {
  const tokens = tokenize(text);
  let at = 0;

  function primary(): number | undefined {
    const token = tokens[at++];
    if (token === undefined) return undefined;
    if (token === "-") {
      const value = primary();
      return value === undefined ? undefined : -value;
    }
    if (token === "(") {
      const value = binary(0);
      return tokens[at++] === ")" ? value : undefined;
    }
    if (token === "sizeof") {
      const end = tokens.indexOf(")", at);
      const type = tokens.slice(at + 1, end).join(" ");
      at = end + 1;
      return sizeOf(type);
    }
    if (/^\d/.test(token)) {
      const value = Number(token.replace(/[uUlL]+$/, ""));
      return Number.isInteger(value) ? value : undefined;
    }
    return /^\w/.test(token) ? lookup(token) : undefined;
  }

  function binary(minimum: number): number | undefined {
    let left = primary();
    while (left !== undefined) {
      const operator = tokens[at] ?? "";
      const precedence = PRECEDENCE[operator];
      if (precedence === undefined || precedence <= minimum) return left;
      at++;
      const right = binary(precedence);
      left = right === undefined ? undefined : apply(operator, left, right);
    }
    return undefined;
  }

  const value = binary(0);
  return at === tokens.length ? value : undefined;
}
