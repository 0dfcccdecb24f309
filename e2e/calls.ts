/** One request as the golden sequences write it: method, path without version and ids, status. */
export function normaliseCall(method: string, url: string, status: number): string {
  const path = decodeURIComponent(url)
    .replace(/^\/v\d+\.\d+/, "")
    .replace(/\b[0-9a-z]{25}\b/g, "{id}")
    .replace(/\b[0-9a-f]{64}\b/g, "{id}")
    .replace(/([?&])(version|since)=\d+(\.\d+)?/g, "$1$2=N")
    .replace(/("\{id\}":true,?)+/g, '"{id}":true,')
    .replace(/true,\}/g, "true}");
  return `${method} ${path} ${status}`;
}

/** First occurrence of each: how often the CLI polls depends on the machine's mood. */
export const distinct = (calls: readonly string[]): string[] => [...new Set(calls)];
