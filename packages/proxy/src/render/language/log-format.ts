import { word } from "./quote.ts";

/** HAProxy's variables in log formats (`configuration.txt` 8.2.4), which `%` begins. */
const variables = new Set(
  (
    "B CC CS H HM HP HPO HQ HU HV ID ST T Ta Tc Td Th Ti Tl Tq Tr TR Ts Tt Tu Tw U ac b bc bi bp bq ci cp f fc fi fp ft " +
    "hr hrl hs hsl lc ms o pid r rc rt s sc si sp sq sslc sslv t tr trg trl ts tsc"
  ).split(" "),
);

const percents = /%(%|\[[^\]]*\]|(?:\{[\w+-]{0,20}(?:,[\w+-]{1,20}){0,5}\})?(?:\[[^\]]*\]|[a-zA-Z0-9]+))?/g;

/** A log format as one word. `%[…]` and HAProxy's variables keep their meaning; any other `%` is a per cent sign. */
export function format(what: string, text: string): string {
  const escaped = text.replace(percents, (whole, after: string | undefined) => {
    if (after === undefined) return "%%";
    const name = /[a-zA-Z0-9]+$/.exec(after)?.[0];
    return after === "%" || after.endsWith("]") || (name !== undefined && variables.has(name)) ? whole : `%${whole}`;
  });
  return word(what, escaped);
}

/** Text without any meaning in a log format, as one word. */
export const literalFormat = (what: string, text: string): string => word(what, text.replaceAll("%", "%%"));
