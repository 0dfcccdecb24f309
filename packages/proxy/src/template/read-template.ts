import { readFileSync, statSync } from "node:fs";
import { isAbsolute, join, normalize, sep } from "node:path";
import { TemplateError } from "./template-error.ts";
import type { ReadTemplate } from "./templates.ts";

const longestFile = 256 * 1024;
const templateNames = /\.(tmpl|tpl|ctmpl)$/;

/**
 * Reads templates from `folders`, and from anywhere when the file is named as templates are. Whoever may call the API
 * could otherwise have any file of the machine shown to him in the configuration. A path that is not absolute begins
 * at the first folder.
 */
export function templateReader(folders: readonly string[]): ReadTemplate {
  return (path) => {
    const absolute = normalize(isAbsolute(path) ? path : join(folders[0] ?? "/", path));
    if (path.includes("\0") || !isAllowed(absolute, folders)) throw refused(path, folders);
    const stats = statSync(absolute);
    if (!stats.isFile()) throw new TemplateError(`${path} is not a file`);
    if (stats.size > longestFile) throw new TemplateError(`${path} is longer than ${longestFile / 1024} kB`);
    return readFileSync(absolute, "utf8");
  };
}

const isAllowed = (path: string, folders: readonly string[]) =>
  templateNames.test(path) || folders.some((folder) => path.startsWith(normalize(folder + sep)));

const refused = (path: string, folders: readonly string[]) =>
  new TemplateError(`${JSON.stringify(path)} is refused: templates are in ${folders.join(", ")}, or end in .tmpl`);
