import { assert, assertEquals, assertMatch } from "@std/assert";
import { isPublished, npmPackage, RELEASE_BUILD, releaseAssets } from "./release.ts";
import { type Platform, VARIANTS } from "./variant.ts";

const PLATFORMS: Platform[] = [
  { os: "linux", arch: "x64" },
  { os: "linux", arch: "arm64" },
  { os: "mac", arch: "x64" },
  { os: "mac", arch: "arm64" },
  { os: "win", arch: "x64" },
  { os: "win", arch: "arm64" },
];

Deno.test("every platform has a CPU variant, as a package and as an archive", () => {
  for (const platform of PLATFORMS) {
    assert(npmPackage(platform, "cpu"));
    assertEquals(releaseAssets(platform, "cpu")?.length, 1);
  }
});

Deno.test("every archive is of the pinned build and has a digest and a size", () => {
  for (const platform of PLATFORMS) {
    for (const variant of VARIANTS) {
      for (const asset of releaseAssets(platform, variant) ?? []) {
        assertMatch(asset.sha256, /^[0-9a-f]{64}$/);
        assert(asset.size > 10_000_000, asset.name);
        assert(asset.name.includes(RELEASE_BUILD) || asset.name.startsWith("cudart-"), asset.name);
        assertEquals(asset.name.endsWith(".zip"), platform.os === "win", asset.name);
      }
    }
  }
});

Deno.test("the CUDA archives include CUDA's own libraries", () => {
  const names = releaseAssets({ os: "linux", arch: "x64" }, "cuda")?.map(({ name }) => name);
  assertEquals(names?.length, 2);
  assertMatch(names?.[1] ?? "", /^cudart-.*cuda-12\.8-x64/);
});

Deno.test("Metal is for Apple silicon only, and its CPU variant is the same build", () => {
  const metal = PLATFORMS.filter((platform) => isPublished(platform, "metal"));
  assertEquals(metal, [{ os: "mac", arch: "arm64" }]);
  assertEquals(
    releaseAssets({ os: "mac", arch: "arm64" }, "cpu"),
    releaseAssets({ os: "mac", arch: "arm64" }, "metal"),
  );
});
