export type * from "./haproxy-settings.ts";
export { parseContextOf } from "./parse-context.ts";
export { readSettings } from "./read-settings.ts";
export type * from "./settings.ts";
export { type ReadSecret, SettingsError } from "./variables.ts";
export { withoutEffect } from "./without-effect.ts";
