import { configDefaults, defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * End-to-end tests that neither measure short times nor offer load: two files at a time, each with a cluster of its own,
 * as they mostly wait. All others have the machine to themselves. The longest come first, so that both end together.
 */
const inPairs = [
  "services",
  "cli-sequences",
  "versions",
  "registry",
  "names",
  "networks",
  "attach",
  "daemon",
  "nodes",
  "sdk",
].map((name) => `e2e/${name}.e2e.test.ts`);

/** Keeps the order of `inPairs`; vitest would begin with the largest files while it has not seen how long they take. */
class AsListed extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => inPairs.findIndex((file) => moduleId.endsWith(`/${file}`));
    return (await super.sort(files)).toSorted((a, b) => place(a) - place(b));
  }
}

const endToEnd = { testTimeout: 120_000, hookTimeout: 180_000 };

export default defineConfig({
  test: {
    reporters: process.env.CI ? ["dot"] : ["default"],
    sequence: { sequencer: AsListed },
    projects: [
      { test: { name: "unit", include: ["packages/*/src/**/*.test.ts"] } },
      {
        test: {
          name: "netns",
          include: ["packages/*/test/**/*.netns.test.ts"],
          testTimeout: 60_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          ...endToEnd,
          name: "e2e-pairs",
          include: inPairs,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...endToEnd,
          name: "e2e",
          include: ["e2e/**/*.e2e.test.ts"],
          exclude: [...configDefaults.exclude, ...inPairs],
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
