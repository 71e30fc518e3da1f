import { type Dfa, parsePattern, wholeAutomaton } from "../regex/mod.ts";

/**
 * Formats of JSON Schema as regular expressions over whole strings. Each allows the common part of
 * its specification, so that every validator agrees.
 */
const HEX = "[0-9a-fA-F]";
const YEAR = "[0-9]{4}";
const LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)";
/** RFC 3339 section 5.6, with the days of each month (section 5.7). */
const DATE = `(?:${YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|` +
  `(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|${LEAP_YEAR}-02-29)`;
/** RFC 3339 section 5.6, without leap seconds, which are valid on some days only. */
const TIME = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?" +
  "(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])";
/** RFC 3339 appendix A, numbers of up to nine digits. */
const COUNT = "[0-9]{1,9}";
const CLOCK = `T(?:${COUNT}H(?:${COUNT}M(?:${COUNT}S)?)?|${COUNT}M(?:${COUNT}S)?|${COUNT}S)`;
const CALENDAR = `(?:${COUNT}Y(?:${COUNT}M(?:${COUNT}D)?)?|${COUNT}M(?:${COUNT}D)?|${COUNT}D)`;
const DURATION = `P(?:${CALENDAR}(?:${CLOCK})?|${CLOCK}|${COUNT}W)`;
/**
 * RFC 1123 names of at most four labels of at most 62 characters. The limit is 253 characters.
 * Labels with hyphens in the third and fourth position are encoded (RFC 5891 section 4.2.3.1).
 */
const LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,2}[a-zA-Z0-9]|" +
  "[a-zA-Z0-9-](?:[a-zA-Z0-9][a-zA-Z0-9-]|-[a-zA-Z0-9])[a-zA-Z0-9-]{0,57}[a-zA-Z0-9])?";
const HOSTNAME = `${LABEL}(?:\\.${LABEL}){0,3}`;
/** The dot-atom of RFC 5322 section 3.2.3, and a domain name. */
const ATOM = "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+";
const EMAIL = `${ATOM}(?:\\.${ATOM})*@(?:[a-zA-Z0-9]+(?:-[a-zA-Z0-9]+)*\\.)+[a-zA-Z]{2,}`;
const BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
const IPV4 = `${BYTE}(?:\\.${BYTE}){3}`;
/** RFC 4291 section 2.2, forms 1 to 3. */
const GROUP = `${HEX}{1,4}`;
const IPV6 = [
  `(?:${GROUP}:){7}${GROUP}`,
  ...Array.from(
    { length: 7 },
    (_, before) =>
      before === 0
        ? `::(?:${GROUP}(?::${GROUP}){0,6})?`
        : before === 6
        ? `(?:${GROUP}:){6}:(?:${GROUP})?`
        : `(?:${GROUP}:){${before}}:(?:${GROUP}(?::${GROUP}){0,${6 - before}})?`,
  ),
  `(?:${GROUP}:){6}${IPV4}`,
  ...Array.from(
    { length: 6 },
    (_, before) =>
      `${before === 0 ? "" : `${GROUP}(?::${GROUP}){${before - 1}}`}::` +
      `(?:${GROUP}:){0,${5 - before}}${IPV4}`,
  ),
].join("|");
/** RFC 3986 appendix A, with a registered name or an IPv4 address as host. */
const PCHAR = `(?:[a-zA-Z0-9._~!$&'()*+,;=:@-]|%${HEX}{2})`;
const TAIL = `(?:\\?(?:${PCHAR}|[/?])*)?(?:#(?:${PCHAR}|[/?])*)?`;
const AUTHORITY = "[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::[0-9]{1,5})?";
const PATH = `(?:/${PCHAR}*)*`;
const URI = `[a-zA-Z][a-zA-Z0-9+.-]*:(?://${AUTHORITY}${PATH}|${PCHAR}+${PATH})${TAIL}`;
/** The first segment of a relative reference has no colon. */
const FIRST = `(?:[a-zA-Z0-9._~!$&'()*+,;=@-]|%${HEX}{2})+`;
const RELATIVE = `(?://${AUTHORITY}${PATH}|/(?:${PCHAR}+${PATH})?|${FIRST}${PATH})?${TAIL}`;
const URI_REFERENCE = `(?:${URI}|${RELATIVE})`;
/** RFC 6570 section 2, with literals of ASCII. */
const VARIABLE = `(?:[a-zA-Z0-9_]|%${HEX}{2})+(?:\\.(?:[a-zA-Z0-9_]|%${HEX}{2})+)*`;
const VARSPEC = `${VARIABLE}(?::[1-9][0-9]{0,3}|\\*)?`;
const URI_TEMPLATE = `(?:[a-zA-Z0-9!#$&()*+,./:;=?@_~\\[\\]-]|%${HEX}{2}|` +
  `\\{[+#./;?&]?${VARSPEC}(?:,${VARSPEC})*\\})*`;
/** ECMA-262 regular expressions with two levels of groups, without assertions inside of a group. */
const REGEX_CLASS = "\\[\\^?(?:a-z|A-Z|0-9|[a-zA-Z0-9_ .,:;@#%&=+*/]|\\\\[dDwWsSnrt\\]\\\\-])+\\]";
const REGEX_ATOM = "(?:[^\\\\^$.*+?()[\\]{}|\\x00-\\x1f\\x7f-\\u{10ffff}]|\\.|" +
  `\\\\[dDwWsSnrtfv.*+?()\\[\\]{}|^$/\\\\]|${REGEX_CLASS})`;
const QUANTIFIER = "(?:(?:[*+?]|\\{[0-9]{1,2},?\\}|\\{[01],[1-9][0-9]?\\})\\??)?";
const REGEX_INNER =
  `(?:\\((?:\\?:)?(?:${REGEX_ATOM}${QUANTIFIER}|\\|)*\\)|${REGEX_ATOM})${QUANTIFIER}`;
const REGEX_GROUP = `\\((?:\\?:)?(?:${REGEX_INNER}|\\|)*\\)`;
const REGEX = `(?:[\\^$|]|(?:${REGEX_GROUP}|${REGEX_ATOM})${QUANTIFIER})*`;
/** RFC 6901. */
const JSON_POINTER = "(?:/(?:[^~/]|~[01])*)*";
/** RFC 4648 section 4. */
const BASE64 = "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?";

const STRING_FORMATS: Readonly<Record<string, string>> = {
  "date": DATE,
  "time": TIME,
  "date-time": `${DATE}T${TIME}`,
  "duration": DURATION,
  "uuid": `${HEX}{8}-${HEX}{4}-${HEX}{4}-${HEX}{4}-${HEX}{12}`,
  "email": EMAIL,
  "idn-email": EMAIL,
  "hostname": HOSTNAME,
  "idn-hostname": HOSTNAME,
  "ipv4": IPV4,
  "ipv6": IPV6,
  "uri": URI,
  "iri": URI,
  "url": URI,
  "uri-reference": URI_REFERENCE,
  "iri-reference": URI_REFERENCE,
  "uri-template": URI_TEMPLATE,
  "regex": REGEX,
  "json-pointer": JSON_POINTER,
  "relative-json-pointer": `(?:0|[1-9][0-9]{0,8})(?:#|${JSON_POINTER})`,
  "byte": BASE64,
};

/** OpenAPI formats that describe the meaning of a string without restricting it. */
const FREE_STRING_FORMATS = new Set(["password", "binary"]);

/** OpenAPI formats of numbers and their ranges. */
const NUMBER_FORMATS: Readonly<Record<string, readonly [number, number]>> = {
  "int32": [-(2 ** 31), 2 ** 31 - 1],
  "int64": [-(2 ** 63), 2 ** 63],
  "float": [-3.4e38, 3.4e38],
  "double": [-Infinity, Infinity],
};

const WHOLE_FORMATS = new Set(["int32", "int64"]);

/** Names of the supported formats. */
export const FORMATS: readonly string[] = [
  ...Object.keys(STRING_FORMATS),
  ...FREE_STRING_FORMATS,
  ...Object.keys(NUMBER_FORMATS),
];

const automata = new Map<string, Dfa>();

/** Automaton of a format's strings, or null if the format does not restrict strings. */
export function formatAutomaton(format: string): Dfa | null {
  const known = automata.get(format);
  if (known !== undefined) return known;
  if (!Object.hasOwn(STRING_FORMATS, format)) return null;
  const dfa = wholeAutomaton(parsePattern(STRING_FORMATS[format]!));
  automata.set(format, dfa);
  return dfa;
}

/** Minimum and maximum of a format, or null if the format does not restrict numbers. */
export function formatRange(format: string): readonly [number, number] | null {
  return Object.hasOwn(NUMBER_FORMATS, format) ? NUMBER_FORMATS[format]! : null;
}

/** True if a format allows integers only, whatever the schema's type. */
export function isWholeFormat(format: string): boolean {
  return WHOLE_FORMATS.has(format);
}
