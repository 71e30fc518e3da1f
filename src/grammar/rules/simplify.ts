import { alt, chars, charsOf, type Expr, repeat, seq, union } from "../expression/mod.ts";

/** Simplifies a body: joins adjacent literals, and merges alternative characters into a class. */
export function simplify(expr: Expr): Expr {
  switch (expr.kind) {
    case "seq": {
      const items: Expr[] = [];
      for (const item of expr.items.map(simplify)) {
        const last = items.at(-1);
        if (item.kind === "text" && last?.kind === "text") {
          items[items.length - 1] = { kind: "text", text: last.text + item.text };
        } else items.push(item);
      }
      return seq(...items);
    }
    case "alt": {
      const items = expr.items.map(simplify);
      const single = items.flatMap((item) =>
        item.kind === "chars" ? [item.set] : isCharacter(item) ? [charsOf(item.text)] : []
      );
      if (single.length < 2) return alt(...items);
      const others = items.filter((item) => item.kind !== "chars" && !isCharacter(item));
      return alt(chars(union(...single)), ...others);
    }
    case "repeat":
      return repeat(simplify(expr.item), expr.min, expr.max);
    default:
      return expr;
  }
}

function isCharacter(expr: Expr): expr is Extract<Expr, { kind: "text" }> {
  return expr.kind === "text" && [...expr.text].length === 1;
}
