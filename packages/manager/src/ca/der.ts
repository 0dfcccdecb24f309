// As much of DER (X.690) as a certificate request is made of, and as reading a name out of a certificate takes.

export const tag = { integer: 0x02, bitString: 0x03, sequence: 0x30, attributes: 0xa0 } as const;

/** One element: tag, length, value. */
export function element(tagByte: number, ...parts: readonly Uint8Array[]): Buffer {
  const value = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tagByte, ...lengthOctets(value.length)]), value]);
}

/** The elements that a constructed element holds, each with its tag and length. Throws when `der` is cut short. */
export function children(der: Buffer): Buffer[] {
  const inside = contents(der);
  const found: Buffer[] = [];
  for (let at = 0; at < inside.length; ) {
    const { headerLength, valueLength } = header(inside.subarray(at));
    found.push(inside.subarray(at, at + headerLength + valueLength));
    at += headerLength + valueLength;
  }
  return found;
}

function contents(der: Buffer): Buffer {
  const { headerLength, valueLength } = header(der);
  if (headerLength + valueLength > der.length) throw new RangeError("DER element is cut short");
  return der.subarray(headerLength, headerLength + valueLength);
}

function header(der: Buffer): { headerLength: number; valueLength: number } {
  const first = der.readUInt8(1);
  if (first < 0x80) return { headerLength: 2, valueLength: first };
  const octets = first & 0x7f;
  return { headerLength: 2 + octets, valueLength: der.readUIntBE(2, octets) };
}

function lengthOctets(length: number): number[] {
  if (length < 0x80) return [length];
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return [0x80 | octets.length, ...octets];
}

/** `der` as PEM with lines of 64 characters and a final newline. */
export const toPem = (label: string, der: Buffer): string =>
  `-----BEGIN ${label}-----\n${der.toString("base64").replace(/.{1,64}/g, "$&\n")}-----END ${label}-----\n`;
