import DOMPurify from "dompurify";
import { Marked, type Token } from "marked";
import { escapeHtml, highlight } from "./highlight.ts";

/** The name of a language in the info string of a fence. */
function languageOf(info: string | undefined): string {
  return /^\S*/.exec(info ?? "")![0].toLowerCase();
}

/** Whether a link may lead there. */
function isSafeLink(href: string): boolean {
  return /^(?:https?:|mailto:)/i.test(href);
}

/** A renderer; the code in a text that grows has colours only while it is short. */
const create = (isGrowing: boolean) =>
  new Marked({
    gfm: true,
    async: false,
    renderer: {
      // Answers contain HTML as text, not as parts of the page.
      html: ({ text }) => escapeHtml(text),
      code({ text, lang }) {
        const language = languageOf(lang);
        const name = language === "" ? "text" : language;
        return `<div class="code"><div class="code-head"><span>${escapeHtml(name)}</span>` +
          `<button type="button" class="copy">Copy</button></div>` +
          `<pre tabindex="0"><code>${highlight(text, language, isGrowing)}</code></pre></div>`;
      },
      // One level below the name of the message, so that no level is left out.
      heading({ depth, tokens }) {
        const content = this.parser.parseInline(tokens);
        return `<div role="heading" aria-level="4" class="h${depth}">${content}</div>`;
      },
      // Pictures of other hosts would tell them that the answer was read.
      image: ({ href, text }) =>
        href.startsWith("data:image/")
          ? `<img src="${escapeHtml(href)}" alt="${escapeHtml(text)}">`
          : linkTo(href, escapeHtml(text === "" ? href : text)),
      link({ href, tokens }) {
        return linkTo(href, this.parser.parseInline(tokens));
      },
      checkbox: ({ checked }) => checked ? "☑ " : "☐ ",
    },
  });

const settled = create(false);
const growing = create(true);

function linkTo(href: string, content: string): string {
  if (!isSafeLink(href)) return content;
  return `<a href="${escapeHtml(href)}" target="_blank" rel="noopener noreferrer">${content}</a>`;
}

const SANITIZING = {
  USE_PROFILES: { html: true },
  ADD_ATTR: ["target"],
  FORBID_TAGS: [
    "style",
    "form",
    "input",
    "textarea",
    "select",
    "dialog",
    "video",
    "audio",
    "source",
  ],
  FORBID_ATTR: ["style", "srcset", "id", "name"],
  RETURN_TRUSTED_TYPE: true,
} as const;

/** HTML of a block; one that is nested too deep for the parser is plain text. */
function parsed(token: Token, isGrowing: boolean): string {
  try {
    return (isGrowing ? growing : settled).parser([token]);
  } catch {
    return `<p>${escapeHtml(token.raw)}</p>`;
  }
}

/** Safe HTML of a block. */
export function htmlOf(token: Token, isGrowing: boolean): string {
  // A wide table scrolls, also by keyboard. HTML of the answer is escaped, so these tags are of Markdown.
  const html = parsed(token, isGrowing)
    .replaceAll("<table>", '<div class="table" tabindex="0"><table>')
    .replaceAll("</table>", "</table></div>");
  // A browser with trusted types takes only an object of DOMPurify, which Preact passes on.
  return DOMPurify.sanitize(
    html,
    SANITIZING as unknown as Record<string, never>,
  ) as unknown as string;
}
