import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { DEFAULT_WORKLOAD, parseSimulateOptions } from "./options.ts";

Deno.test("options choose the trace, the replicas and the policies", () => {
  const plain = parseSimulateOptions(["--times", "t.json"]);
  assertEquals(plain, {
    ...{ times: "t.json", trace: null, workload: DEFAULT_WORKLOAD, replicas: [1, 2, 3] },
    ...{ policies: ["round-robin", "sticky", "least-queue"], json: null, writeTrace: null },
  });
  const args = "--times t --trace a --replicas 4 --policy sticky --rate 2.5 --spread 0 --json out";
  const given = parseSimulateOptions([...args.split(" "), "--write-trace", "b"]);
  assertEquals(given, {
    ...{ times: "t", trace: "a", workload: { ...DEFAULT_WORKLOAD, rate: 2.5, spread: 0 } },
    ...{ replicas: [4], policies: ["sticky"], json: "out", writeTrace: "b" },
  });
});

Deno.test("a wrong option is refused with its value", () => {
  for (
    const [args, message] of [
      ["", "--times: must name a file"],
      ["--times t --policy random", "--policy: must be some of round-robin,sticky"],
      [
        "--times t --replicas 1.5",
        "--replicas: must be a whole number above 0 and at most 1000, not '1.5'",
      ],
      ["--times t --replicas 1e9", "--replicas: must be a whole number above 0 and at most 1000"],
      ["--times t --pause 1e300", "--pause: must be a number above 0 and at most 10000000"],
      [
        "--times t --rate 0",
        "--rate: must be a number of at least 0.000001 and at most 1000000, not '0'",
      ],
      ["--times t --spread -1", "--spread"],
      ["--times t --speed 1", "Unknown option '--speed'"],
    ] as const
  ) {
    const words = args.split(" ").filter((word) => word !== "");
    assertThrows(() => parseSimulateOptions(words), TypeError, message);
  }
});

Deno.test("a file that cannot be read is an error that names its option", async () => {
  const args = ["run", "--allow-read", "--no-lock", "main.ts", "--times", "/no/such/times.json"];
  const cwd = import.meta.dirname!;
  const { code, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd }).output();
  assertEquals(code, 2);
  const message = "--times: cannot read /no/such/times.json: ";
  assertStringIncludes(new TextDecoder().decode(stderr), message);
});
