import { expect, test } from "vitest";
import { withoutEffect } from "./without-effect.ts";

const told = (env: Record<string, string>, secrets: Record<string, string> = {}, hasBaseTemplate = false) => [
  ...withoutEffect(env, (name) => secrets[name], hasBaseTemplate).keys(),
];

test("variables of the original without effect are told of when somebody has set them", () => {
  expect(told({ CFG_TEMPLATE_PATH: "my.tmpl", RECONFIGURE_ATTEMPTS: "3", CERTS: "a" })).toEqual([
    "CFG_TEMPLATE_PATH",
    "RECONFIGURE_ATTEMPTS",
    "CERTS",
  ]);
  expect(told({}, { dfp_display_config_on_error: "true\n" })).toEqual(["DISPLAY_CONFIG_ON_ERROR"]);
});

test("what is as it is here anyway is not told of", () => {
  expect(told({ HEALTHCHECK: "true", DISPLAY_CONFIG_ON_ERROR: "false", CERTS: "", PORT: "8080" })).toEqual([]);
  expect(told({ HEALTHCHECK: "false" })).toEqual(["HEALTHCHECK"]);
});

test("a base template in the templates' folder is told of, with what to do instead", () => {
  expect(told({}, {}, true)).toEqual(["CFG_TEMPLATE_PATH"]);
  expect(withoutEffect({}, () => undefined, true).get("CFG_TEMPLATE_PATH")).toContain("EXTRA_GLOBAL");
});
