/**
 * Drafts a page from condensed insights and checks the draft.
 *
 * Usage: draft.ts INSIGHTS.json [URL]. The file has a list of {id, text}.
 */
import * as z from "zod";

const insightsSchema = z.array(z.object({ id: z.string().min(1), text: z.string().min(1) })).min(1);

const [file = "insights.json", url = "http://127.0.0.1:11435"] = Deno.args;
const insights = insightsSchema.parse(JSON.parse(await Deno.readTextFile(file)));
const ids = insights.map(({ id }) => id);

/** The schema constrains the answer to this form; each section cites the insights that it uses. */
const draftSchema = z.strictObject({
  title: z.string().min(1).max(60),
  sections: z.array(z.strictObject({
    heading: z.string().min(1).max(40),
    text: z.string().min(1).max(120),
    sources: z.array(z.enum(ids)).min(1).max(2),
  })).min(1).max(2),
});

const response = await fetch(`${url}/api/generate`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({
    system: "Write a short page about the findings. Cite the id of each finding that you use.",
    prompt: insights.map(({ id, text }) => `${id}: ${text}`).join("\n"),
    temperature: 0,
    max_tokens: 600,
    json_schema: z.toJSONSchema(draftSchema),
  }),
});
const answer = await response.json();
if (!response.ok) throw new Error(`The server refused the request: ${answer.error}`);
if (answer.finish_reason !== "stop") throw new Error("The draft is incomplete: raise max_tokens");

const draft = draftSchema.parse(JSON.parse(answer.response));
const cited = new Set(draft.sections.flatMap(({ sources }) => sources));
console.log(`# ${draft.title}`);
for (const { heading, text, sources } of draft.sections) {
  console.log(`\n## ${heading}\n\n${text} [${sources.join(", ")}]`);
}
const unused = ids.filter((id) => !cited.has(id));
if (unused.length > 0) console.error(`Not cited: ${unused.join(", ")}`);
