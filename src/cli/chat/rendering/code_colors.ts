import { type Style, styled, type Styles } from "./styles.ts";

/** Words of the languages that are most written. */
const KEYWORDS = new Set(
  ("abstract and as async await bool break case catch char class const continue def default defer " +
    "del delete do double elif else enum except export extends extern false final finally float fn " +
    "for from func function global go if impl implements import in int interface is lambda let long " +
    "loop match mod module mut namespace new nil None not null None or package pass private " +
    "protected pub public raise return select self static string struct super switch template then " +
    "this throw trait true True False try type typedef typeof undefined union unless until use " +
    "using var virtual void while with yield SELECT FROM WHERE INSERT UPDATE DELETE CREATE TABLE " +
    "JOIN GROUP ORDER BY AND OR NOT NULL echo fi done esac export local").split(" "),
);

/** Languages whose comments begin with a hash sign, by their names after a fence. */
const HASH =
  /^(?:py|python|sh|bash|zsh|shell|console|rb|ruby|ya?ml|toml|r|perl|make|dockerfile|ini)/i;
const DASHES = /^(?:sql|lua|haskell|hs|ada)/i;

const STRING = String.raw`"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|${"`"}(?:\\.|[^${"`"}\\])*${"`"}`;
const WORDS = String.raw`[\p{L}_$][\p{L}\p{N}_$]*`;
const NUMBER = String.raw`\b\d[\w.]*`;

/** A line of code with coloured strings, comments, numbers and keywords. */
export function colorCode(line: string, language: string, styles: Styles): string {
  const comment = HASH.test(language)
    ? "#.*"
    : DASHES.test(language)
    ? "--.*"
    : String.raw`//.*|/\*.*?\*/`;
  const tokens = new RegExp(`(${comment})|(${STRING})|(${NUMBER})|(${WORDS})`, "gu");
  return line.replace(tokens, (token, isComment, isString, isNumber) => {
    const style: Style | null = isComment
      ? styles.comment
      : isString
      ? styles.string
      : isNumber
      ? styles.number
      : KEYWORDS.has(token)
      ? styles.keyword
      : null;
    return style === null ? token : styled(style, token);
  });
}
