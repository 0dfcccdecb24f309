import type { Block, Section } from "../config-text.ts";
import type { RenderInput, UserSnippet } from "../input.ts";
import { beginsSection } from "../language/phrases.ts";
import { compare } from "../plan/service-order.ts";
import type { ServicePlan } from "../plan/service-plan.ts";

/** A user's text in the config, and whom it is due to. */
export interface Snippet {
  /** The file's name, or `<aclName>-fe.cfg` for a service's, by which snippets are in order. */
  readonly name: string;
  readonly owner: string;
  readonly text: string;
}

export interface Snippets {
  readonly frontend: readonly Snippet[];
  readonly backend: readonly Snippet[];
}

/** Users' files and what services bring themselves, in the order of the files' names. */
export function snippetsOf({ userSnippets }: RenderInput, plans: readonly ServicePlan[]): Snippets {
  const inOrder = (own: readonly UserSnippet[], services: readonly (Snippet | undefined)[]) =>
    [...own.map((file) => ({ ...file, owner: file.name })), ...services.filter((each) => each !== undefined)].sort(
      (a, b) => compare(a.name, b.name),
    );
  return {
    frontend: inOrder(
      userSnippets.frontend,
      plans.map(({ frontendSnippet }) => frontendSnippet),
    ),
    backend: inOrder(
      userSnippets.backend,
      plans.map(({ backendSnippet }) => backendSnippet),
    ),
  };
}

/** The lines up to the first section that the text begins: they continue the section they are put into. */
export function continuation({ owner, text }: Snippet): Block[] {
  const lines = linesOf(text);
  const end = lines.findIndex(beginsSection);
  const own = lines.slice(0, end < 0 ? lines.length : end).map((line) => line.trim());
  return own.some((line) => line !== "") ? [{ owners: [owner], lines: trimBlank(own) }] : [];
}

/** The sections that the text begins, as they are. */
export function sectionsOf({ owner, text }: Snippet): Section[] {
  const lines = linesOf(text);
  const start = lines.findIndex(beginsSection);
  return start < 0 ? [] : [{ blocks: [{ owners: [owner], lines: trimBlank(lines.slice(start)) }] }];
}

const linesOf = (text: string): string[] => text.split("\n").map((line) => line.trimEnd());

function trimBlank(lines: readonly string[]): string[] {
  const isFilled = (line: string) => line !== "";
  return lines.slice(lines.findIndex(isFilled), lines.findLastIndex(isFilled) + 1);
}

/** A line that the text begins with though it continues nothing; undefined when it begins with a section. */
export const strayLine = ({ text }: Snippet): string | undefined => {
  const first = linesOf(text).find((line) => !/^\s*(#|$)/.test(line));
  return first === undefined || beginsSection(first) ? undefined : first.trim();
};

/** Rules that leave alone what routes look at. */
const harmless =
  /^http-request\s+(auth|cache-use|capture|deny|disable-l7-retry|redirect|reject|return|sc-|set-log-level|set-var|silent-drop|tarpit|track-sc|unset-var|use-service)/;

/** Whether a line may change a request, or what one of our ACLs or variables means, before the list of routes is asked. */
export function altersRoutes(line: string, isOurAcl: (name: string) => boolean): boolean {
  const rule = line.trim();
  const [keyword, name = ""] = rule.split(/\s+/);
  if (keyword === "acl") return isOurAcl(name);
  if (keyword === "filter" || /\btxn\.(route|rule|by_path|by_host)\b/.test(rule)) return true;
  return keyword === "http-request" && !harmless.test(rule);
}
