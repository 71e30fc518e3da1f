import { isPublished } from "../../src/runtime/library/release.ts";
import { type Platform, VARIANT_LABELS, VARIANTS } from "../../src/runtime/library/variant.ts";
import { table } from "./markdown.ts";

const PLATFORMS: readonly (readonly [string, Platform])[] = [
  ["Linux on x86-64", { os: "linux", arch: "x64" }],
  ["Linux on ARM64", { os: "linux", arch: "arm64" }],
  ["macOS on Apple silicon", { os: "mac", arch: "arm64" }],
  ["macOS on x86-64", { os: "mac", arch: "x64" }],
  ["Windows on x86-64", { os: "win", arch: "x64" }],
  ["Windows on ARM64", { os: "win", arch: "arm64" }],
];

/** A table of the published libraries by platform. */
export function buildTable(): string {
  return table(
    ["platform", ...VARIANTS.map((variant) => VARIANT_LABELS[variant])],
    PLATFORMS.map(([name, platform]) => [
      name,
      ...VARIANTS.map((variant) => isPublished(platform, variant) ? "yes" : ""),
    ]),
  );
}
