import { assertEquals } from "@std/assert";
import { withTexts } from "../../../tests/doubles/kept_texts.ts";
import {
  draftOf,
  isLostByReload,
  keepDraftFiles,
  keepDraftText,
  NO_ATTACHMENTS,
} from "./drafts.ts";

const FILES = [{ name: "a.txt", text: "A" }];
const MEDIA = [{ name: "b.png", url: "data:image/png;base64,AAAA" }];

Deno.test("a draft is kept with its files until it is sent", () => {
  const texts = new Map<string, string>();
  withTexts(texts, Infinity, () => {
    keepDraftText("c", "why?");
    keepDraftFiles("c", { files: FILES, media: MEDIA });
    assertEquals(draftOf("c"), { text: "why?", files: FILES, media: MEDIA });
    assertEquals(isLostByReload("c"), false);
    keepDraftText("c", "");
    keepDraftFiles("c", NO_ATTACHMENTS);
    assertEquals([draftOf("c"), texts.size], [{ text: "", ...NO_ATTACHMENTS }, 0]);
  });
});

Deno.test("files that do not fit are kept while the page is open", () => {
  const texts = new Map<string, string>();
  withTexts(texts, 50, () => {
    keepDraftFiles("c", { files: FILES, media: [] });
    keepDraftFiles("c", { files: FILES, media: MEDIA });
    assertEquals(draftOf("c"), { text: "", files: FILES, media: MEDIA });
    // A reload must not bring back the files of an earlier state.
    assertEquals([isLostByReload("c"), isLostByReload("d"), texts.size], [true, false, 0]);
    keepDraftFiles("c", { files: FILES, media: [] });
    assertEquals([isLostByReload("c"), texts.size], [false, 1]);
    keepDraftFiles("c", NO_ATTACHMENTS);
  });
});

Deno.test("drafts of earlier versions keep their files", () => {
  const together = JSON.stringify({ text: "why?", files: FILES });
  const withImages = JSON.stringify({ files: [], images: MEDIA });
  const texts = new Map([["shimmy.draft.c", together], ["shimmy.draft.d.files", withImages]]);
  withTexts(texts, Infinity, () => {
    assertEquals(draftOf("c"), { text: "why?", files: FILES, media: [] });
    keepDraftText("c", "why not?");
    assertEquals(draftOf("c"), { text: "why not?", files: FILES, media: [] });
    keepDraftFiles("c", NO_ATTACHMENTS);
    assertEquals(draftOf("c").files, []);
    assertEquals(draftOf("d"), { text: "", files: [], media: MEDIA });
  });
});
