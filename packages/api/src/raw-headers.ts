/** Name and value in turn, as they came: order, case and repetition kept. */
export type RawHeaders = readonly string[];

/** Of one connection, not of the message (RFC 9110, 7.6.1). The framing of the body stays as it was. */
const hopByHop = new Set(["connection", "keep-alive", "proxy-connection", "upgrade", "te"]);
/** A Connection header that names these is lying: without them nobody knows where the message ends. */
const framing = new Set(["content-length", "transfer-encoding"]);

/** The headers to hand on: all but those that speak of the connection they came by. */
export function endToEnd(headers: RawHeaders): string[] {
  const named = valuesOf(headers, "connection").flatMap((value) =>
    value
      .toLowerCase()
      .split(",")
      .map((name) => name.trim()),
  );
  return filterHeaders(headers, (name) => !hopByHop.has(name) && (framing.has(name) || !named.includes(name)));
}

export function filterHeaders(headers: RawHeaders, keep: (lowerCaseName: string) => boolean): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? "";
    if (keep(name.toLowerCase())) kept.push(name, headers[i + 1] ?? "");
  }
  return kept;
}

/** True when the headers say where the body ends. */
export const isFramed = (headers: RawHeaders): boolean =>
  headers.some((name, i) => i % 2 === 0 && framing.has(name.toLowerCase()));

function valuesOf(headers: RawHeaders, name: string): string[] {
  return headers.filter((_, i) => i % 2 === 1 && headers[i - 1]?.toLowerCase() === name);
}

/** A message's head as it goes over the wire; `start` is its first line. Encode as latin1, which is what it was read as. */
export function renderHead(start: string, headers: RawHeaders): string {
  const lines = [start];
  for (let i = 0; i + 1 < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}

export const statusLine = (status: number, text = ""): string => `HTTP/1.1 ${status} ${text}`;
