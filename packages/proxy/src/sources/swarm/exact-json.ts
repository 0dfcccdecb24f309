/** `JSON.rawJSON` and the reviver's third argument, which the type library does not know yet. */
interface ExactJson {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): unknown;
}
const json = JSON as unknown as ExactJson;

/**
 * Parses JSON that goes back to where it came from: `JSON.stringify` writes each number as it was. Those that a double cannot
 * hold (nanoseconds of more than 104 days) are not numbers here.
 */
export const parseExactly = (text: string): unknown =>
  json.parse(text, (_, value, { source }) =>
    typeof value === "number" && source !== undefined && String(value) !== source ? json.rawJSON(source) : value,
  );
