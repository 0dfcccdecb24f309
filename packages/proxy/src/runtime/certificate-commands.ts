import type { CertificateStep } from "./certificate-step.ts";
import type { Command } from "./runtime-step.ts";

/** `<<`, the lines, and the empty line that ends them; so there must be none within. */
const payload = (text: string): string =>
  `<<\n${text
    .split(/\r?\n/)
    .filter((line) => line.trim() !== "")
    .join("\n")}\n\n`;

const success = /^(Committing .*|Success!)$/;

/** The commands of a step, each for a connection of its own; HAProxy shows a certificate whole or not at all. */
export function certificateCommands(list: string, step: CertificateStep): Command[] {
  const { path } = step;
  if (step.do === "remove")
    return [
      { text: `del ssl crt-list ${list} ${path}`, answer: /^Entry '.*' deleted in crtlist '.*'!$/ },
      { text: `del ssl cert ${path}`, answer: /^Certificate '.*' deleted!$/ },
    ];
  const load: Command[] = [
    { text: `set ssl cert ${path} ${payload(step.pem)}`, answer: /^Transaction (created|updated) for certificate/ },
    { text: `commit ssl cert ${path}`, answer: success },
  ];
  if (step.do === "renew") return load;
  const line = [path, step.options ?? ""].join(" ").trim();
  return [
    { text: `new ssl cert ${path}`, answer: /^New empty certificate store/ },
    ...load,
    { text: `add ssl crt-list ${list} ${payload(line)}`, answer: /^(Inserting certificate .*|Success!)$/ },
  ];
}

/** Ends what a refused step may have begun. */
export const abortCommands = (step: CertificateStep): string[] =>
  step.do === "remove" ? [] : [`abort ssl cert ${step.path}`];
