import { DomainError } from "@skep/model";
import type { Failure, FailureReason } from "./protocol.ts";

/** What happened to the store's file, and what the operator can do. */
export function describeFailure(path: string, { reason, message }: Failure): DomainError {
  return new DomainError("unavailable", `${happened(path, reason)} (${message}): ${remedy[reason]}`);
}

function happened(path: string, reason: FailureReason): string {
  switch (reason) {
    case "damaged":
      return `the store ${path} is damaged`;
    case "newer-schema":
      return `the store ${path} was written by a newer skep`;
    case "in-use":
      return `the store ${path} is in use by another process`;
    case "full":
      return `no space left to write to the store ${path}`;
    case "unsynced":
      return `the disk failed to make a write to the store ${path} safe`;
    case "other":
      return `cannot use the store ${path}`;
  }
}

const remedy: Record<FailureReason, string> = {
  damaged: "stop the daemon, move the file and its -wal file away, and put a backup in their place",
  "newer-schema": "run the version of skep that wrote it, or a later one",
  "in-use": "is another skepd running on this data root?",
  full: "nothing was changed; free some space and try again",
  unsynced: "check the disk, then restart the daemon; nothing more is written until then",
  other: "check the path, its permissions and the disk",
};
