import { assertEquals } from "@std/assert";
import { strftime } from "./strftime.ts";

const date = new Date(2026, 2, 5, 14, 7, 9);

Deno.test("dates are formatted in English", () => {
  assertEquals(strftime(date, "%d %b %Y"), "05 Mar 2026");
  assertEquals(strftime(date, "%A, %B %-d (%e), %y"), "Thursday, March 5 ( 5), 26");
  assertEquals(strftime(date, "%H:%M:%S %I %p %a %m"), "14:07:09 02 PM Thu 03");
});

Deno.test("unknown directives and percent signs are unchanged", () => {
  assertEquals(strftime(date, "100%% %Q %"), "100% %Q %");
});
