export { templateReader } from "./read-template.ts";
export { runTemplate } from "./run-template.ts";
export { TemplateError, type TemplateSource } from "./template-error.ts";
export type { TemplateValue } from "./template-value.ts";
export { type ReadTemplate, type RenderedTemplates, renderTemplates } from "./templates.ts";
