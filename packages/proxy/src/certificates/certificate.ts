/** A certificate that HAProxy may be told of: its file has been read and found right. */
export interface Certificate {
  /** `/certs/example.com.pem`: the file HAProxy reads. */
  readonly path: string;
  /** What the file says, as the runtime API wants it. */
  readonly pem: string;
  /** In lower case; may begin with `*.`. */
  readonly names: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** A file that HAProxy must not be told of: one bad certificate keeps the whole configuration from loading. */
export interface RefusedCertificate {
  readonly path: string;
  readonly reason: string;
}

/** All certificates of a source, in the order in which HAProxy should list them. */
export interface Certificates {
  readonly certificates: readonly Certificate[];
  readonly refused: readonly RefusedCertificate[];
}
