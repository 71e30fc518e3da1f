import { assertEquals } from "@std/assert";
import { basePath } from "./base_path.ts";

Deno.test("the server is where the page is, behind any prefix", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["/", "/"],
    ["/ui", "/"],
    ["/models/", "/models/"],
    ["/models/ui", "/models/"],
    ["/a/b/index", "/a/b/"],
    // A proxy's prefix may have the name of the page.
    ["/ui/", "/ui/"],
    ["/ui/ui", "/ui/"],
  ];
  for (const [pathname, base] of cases) assertEquals(basePath(pathname), base, pathname);
});
