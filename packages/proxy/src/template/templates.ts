import { runTemplate } from "./run-template.ts";
import { TemplateError } from "./template-error.ts";
import type { TemplateValue } from "./template-value.ts";

/** The text of a template's file. Throws when it cannot be read. */
export type ReadTemplate = (path: string) => string;

export interface RenderedTemplates {
  /** Lines for `frontend services`. */
  readonly frontend?: string;
  /** Whole sections. */
  readonly backend?: string;
}

/**
 * Renders the templates that a service names in `TemplateFePath` and `TemplateBePath`, with the service as the API
 * answers it (`docker-flow-proxy.md` sections 1.2 and 4.9); an empty `AclName` is the service's name there. What is not
 * named is absent. Throws a TemplateError.
 */
export function renderTemplates(service: object, readFile: ReadTemplate): RenderedTemplates {
  const value = withAclName(service as Fields);
  const frontend = renderFile(value, "TemplateFePath", readFile);
  const backend = renderFile(value, "TemplateBePath", readFile);
  return { ...(frontend !== undefined && { frontend }), ...(backend !== undefined && { backend }) };
}

type Fields = Readonly<Record<string, TemplateValue>>;

const withAclName = (service: Fields): Fields =>
  "AclName" in service ? { ...service, AclName: service.AclName || (service.ServiceName ?? "") } : service;

function renderFile(service: Fields, field: string, readFile: ReadTemplate): string | undefined {
  const path = service[field];
  if (typeof path !== "string" || path === "") return undefined;
  const text = readText(path, readFile)
    .replace(/^\uFEFF/, "")
    .replaceAll("\r\n", "\n");
  return runTemplate({ name: path, text }, service);
}

function readText(path: string, readFile: ReadTemplate): string {
  try {
    return readFile(path);
  } catch (cause) {
    if (cause instanceof TemplateError) throw cause;
    const problem = `${path} cannot be read: ${(cause as Error).message}`;
    throw new TemplateError(problem, "internal", { cause });
  }
}
