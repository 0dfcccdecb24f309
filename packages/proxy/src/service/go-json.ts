/** What Go's encoding/json escapes in strings, so that answers can stand in HTML. */
const escapes: Readonly<Record<string, string>> = {
  "<": "\\u003c",
  ">": "\\u003e",
  "&": "\\u0026",
  "\u2028": "\\u2028",
  "\u2029": "\\u2029",
};

/** JSON as Go's encoding/json writes it; keys keep their order. */
export const goJson = (value: unknown): string =>
  JSON.stringify(value, (_, one) => (typeof one === "string" ? one.toWellFormed() : one)).replace(
    /[<>&\u2028\u2029]/g,
    (char) => escapes[char] ?? char,
  );
