import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    reporters: process.env.CI ? ["dot"] : ["default"],
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
          name: "e2e",
          include: ["e2e/**/*.e2e.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
