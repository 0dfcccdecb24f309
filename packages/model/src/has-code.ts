/** Whether a thrown value is a system error, or one of the kernel's, with one of the codes (`ENOENT`). */
export const hasCode = (error: unknown, ...codes: string[]): boolean =>
  error instanceof Error && "code" in error && codes.includes(String(error.code));
