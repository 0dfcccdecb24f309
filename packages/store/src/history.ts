import { type ChangeSet, HistoryGone } from "./store.ts";

const maxSets = 10_000;
const maxChanges = 100_000;

/** The newest change sets, for those who watch; bounded in number and in objects held. */
export class History {
  /** Revisions follow one another without gaps. */
  private sets: ChangeSet[] = [];
  /** How many at the front of `sets` are already forgotten. */
  private forgotten = 0;
  private changes = 0;
  private newest: number;

  /** Starts out empty at `revision`. */
  constructor(revision: number) {
    this.newest = revision;
  }

  push(set: ChangeSet): void {
    this.sets.push(set);
    this.newest = set.revision;
    this.changes += set.changes.length;
    while (this.held > 1 && (this.held > maxSets || this.changes > maxChanges)) this.forgetOldest();
  }

  /** The change set that follows `revision`; undefined when there is none yet. Throws `HistoryGone`. */
  after(revision: number): ChangeSet | undefined {
    if (revision === this.newest) return undefined;
    const oldest = this.newest - this.held + 1;
    if (revision < oldest - 1 || revision > this.newest) {
      throw new HistoryGone(`no history after revision ${revision}: it has ${oldest} to ${this.newest}`);
    }
    return this.sets[this.forgotten + revision + 1 - oldest];
  }

  private get held(): number {
    return this.sets.length - this.forgotten;
  }

  private forgetOldest(): void {
    this.changes -= this.sets[this.forgotten]?.changes.length ?? 0;
    this.sets[this.forgotten] = { revision: 0, changes: [] };
    this.forgotten++;
    if (this.forgotten < maxSets) return;
    this.sets = this.sets.slice(this.forgotten);
    this.forgotten = 0;
  }
}
