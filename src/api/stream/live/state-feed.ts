/**
 * The state stream of `/v2/live`: a snapshot, then what changed. Changes are collected and sent at most five times a second for each
 * object; what goes out is the object as it is then, so the last state always arrives. Subscriptions that select the same share bytes.
 */
import type { ReadModel, StateChange } from '../../../actors/front.ts';
import type { Clock, Metrics, TimerHandle } from '../../../actors/ports.ts';
import type { AppSelection } from './client-frame.ts';
import { type LiveConnection, SharedText } from './live-connection.ts';
import { type LabelBook, selectionKey, selects } from './selection.ts';
import { SnapshotQueue } from './snapshot-queue.ts';
import { type ObjectKey, removedJson, type StateObjects, type Topic } from './state-objects.ts';

/** Shortest time between two patches. */
export const patchPauseMs = 200;
/** Unsent bytes beyond which a subscription gets no patches, but a new snapshot once they have left. */
const maxStateBacklogBytes = 1024 * 1024;
/** Time in a turn of the loop for patches, and objects between two looks at the clock. */
const turnBudgetMs = 4;
const objectsPerStep = 200;
/** Text of one patch or snapshot part, in UTF-16 units; a single larger object goes alone. */
export const maxPartSize = 128 * 1024;

export interface StateFeedOptions {
  readonly read: ReadModel;
  readonly objects: StateObjects;
  readonly labels: LabelBook;
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Id of the newest event that readers were told of. */
  readonly newestId: () => string | undefined;
}

/** Subscriptions that see the same objects. */
export interface StateGroup {
  readonly key: string;
  readonly topics: ReadonlySet<Topic>;
  readonly selection: AppSelection;
  /** Objects that some subscription may hold; only kept where an object can cease to be selected. */
  readonly held: Set<string> | undefined;
  readonly members: Set<StateSubscription>;
}

export interface StateSubscription {
  readonly sub: string;
  readonly connection: LiveConnection;
  readonly group: StateGroup;
  /** `waiting`: nothing has been sent of the snapshot yet, so it needs no patches. */
  phase: 'waiting' | 'following';
}

const nameOf = ({ topic, id }: ObjectKey): string => `${topic} ${id}`;

export class StateFeed {
  readonly #options: StateFeedOptions;
  readonly #groups = new Map<string, StateGroup>();
  readonly #snapshots: SnapshotQueue;
  readonly #dirty = new Map<string, ObjectKey>();
  /** What is being sent; what changes meanwhile waits for its next time. */
  #sending: ObjectKey[] = [];
  #isAllDirty = false;
  #timer: TimerHandle | undefined;
  #flushedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: StateFeedOptions) {
    this.#options = options;
    this.#snapshots = new SnapshotQueue({ ...options, isSelected: (group, key) => this.#isSelected(group, key) });
    options.read.watch((change) => this.#note(change));
    options.metrics.gauge('http.live.snapshots.waiting', () => this.#snapshots.size);
  }

  /** Sends a snapshot and then patches, until the function that it returns is called. */
  subscribe(
    sub: string,
    connection: LiveConnection,
    { topics, selection }: { readonly topics: readonly Topic[]; readonly selection: AppSelection },
  ): () => void {
    const key = `${topics.join()} ${selectionKey(selection)}`;
    const isFiltered = selection.prefix !== undefined || selection.label !== undefined;
    const group: StateGroup = this.#groups.get(key) ?? {
      key,
      topics: new Set(topics),
      selection,
      held: isFiltered ? new Set() : undefined,
      members: new Set(),
    };
    this.#groups.set(key, group);
    const subscription: StateSubscription = { sub, connection, group, phase: 'waiting' };
    group.members.add(subscription);
    this.#snapshots.add(subscription);
    return () => {
      group.members.delete(subscription);
      this.#snapshots.drop(subscription);
      if (group.members.size === 0) this.#groups.delete(key);
    };
  }

  #note(change: StateChange): void {
    this.#options.labels.note(change);
    if (this.#groups.size === 0 || this.#isAllDirty) return;
    const mark = (key: ObjectKey): void => {
      this.#dirty.set(nameOf(key), key);
    };
    const app = (id: string): void => mark({ topic: 'apps', id, apps: [id] });
    switch (change.type) {
      case 'app':
        app(change.id);
        break;
      case 'instance':
        mark({ topic: 'tasks', id: change.id, apps: [change.appId] });
        app(change.appId);
        break;
      case 'deployment':
        mark({ topic: 'deployments', id: change.id, apps: change.apps });
        for (const id of change.apps) app(id);
        break;
      case 'everything':
        this.#isAllDirty = true;
        this.#dirty.clear();
        this.#sending = [];
        break;
    }
    this.#schedule();
  }

  #schedule(): void {
    const { clock } = this.#options;
    const delayMs = this.#sending.length > 0 ? 0 : this.#flushedAtMs + patchPauseMs - clock.monotonic();
    this.#timer ??= clock.after(Math.max(0, delayMs), () => {
      this.#timer = undefined;
      this.#flush();
    });
  }

  #flush(): void {
    const { clock, read } = this.#options;
    if (this.#groups.size === 0) {
      this.#dirty.clear();
      this.#sending = [];
      this.#isAllDirty = false;
      return;
    }
    if (this.#sending.length === 0) {
      this.#flushedAtMs = clock.monotonic();
      // While the state is being loaded anew there is nothing to show.
      if (!read.cluster().elected) {
        this.#schedule();
        return;
      }
      if (this.#isAllDirty) {
        this.#isAllDirty = false;
        this.#dirty.clear();
        for (const { members } of this.#groups.values()) for (const member of members) this.#startAnew(member);
        return;
      }
      this.#sending = [...this.#dirty.values()];
      this.#dirty.clear();
    }
    const untilMs = clock.monotonic() + turnBudgetMs;
    do {
      const some = this.#sending.splice(0, objectsPerStep);
      const texts = new Map<string, string | undefined>();
      for (const group of this.#groups.values()) this.#patch(group, some, texts);
    } while (this.#sending.length > 0 && clock.monotonic() < untilMs);
    if (this.#sending.length > 0 || this.#dirty.size > 0) this.#schedule();
  }

  #patch(group: StateGroup, dirty: readonly ObjectKey[], texts: Map<string, string | undefined>): void {
    const upsert: string[] = [];
    const remove: string[] = [];
    const done = new Set<string>();
    const look = (key: ObjectKey): void => {
      const name = nameOf(key);
      if (!group.topics.has(key.topic) || done.has(name)) return;
      done.add(name);
      if (!texts.has(name)) texts.set(name, this.#options.objects.json(key));
      const text = texts.get(name);
      if (text !== undefined && this.#isSelected(group, key)) {
        group.held?.add(name);
        upsert.push(text);
      } else if (group.held ? group.held.delete(name) : text === undefined) {
        remove.push(removedJson(key));
      }
    };
    for (const key of dirty) {
      look(key);
      // With its labels an app may take its tasks in or out.
      if (key.topic !== 'apps' || group.selection.label === undefined || !group.topics.has('tasks')) continue;
      for (const { id } of this.#options.read.instancesOf(key.id)) look({ topic: 'tasks', id, apps: key.apps });
    }
    this.#sendPatch(group, upsert, remove);
  }

  #sendPatch(group: StateGroup, upsert: readonly string[], remove: readonly string[]): void {
    const members = [...group.members].filter((member) => this.#canFollow(member));
    if (members.length === 0) return;
    const id = JSON.stringify(this.#options.newestId() ?? '');
    for (const [upserts, removes] of parts(upsert, remove)) {
      const body = `"id":${id},"upsert":[${upserts}],"remove":[${removes}]}`;
      const bySub = new Map<string, SharedText>();
      for (const { sub, connection } of members) {
        const text = bySub.get(sub) ?? new SharedText(`{"op":"patch","sub":${JSON.stringify(sub)},${body}`);
        bySub.set(sub, text);
        connection.write(text.frameFor(connection));
      }
    }
  }

  /** False for those who get a snapshot instead: they have just begun, or they do not keep up. */
  #canFollow(member: StateSubscription): boolean {
    if (member.phase === 'waiting') return false;
    if (member.connection.backlogBytes() <= maxStateBacklogBytes) return true;
    this.#options.metrics.count('http.live.fell-behind');
    this.#startAnew(member);
    return false;
  }

  #startAnew(member: StateSubscription): void {
    member.phase = 'waiting';
    this.#snapshots.add(member);
  }

  #isSelected(group: StateGroup, key: ObjectKey): boolean {
    return selects(group.selection, key.apps, this.#options.labels);
  }
}

/** Cuts a patch so that no frame gets too large. Nothing to say = no part. */
function* parts(upsert: readonly string[], remove: readonly string[]): Generator<readonly [string, string]> {
  let upserts: string[] = [];
  let removes: string[] = [];
  let size = 0;
  const all = [
    ...remove.map((text) => ({ text, isRemoval: true })),
    ...upsert.map((text) => ({ text, isRemoval: false })),
  ];
  for (const { text, isRemoval } of all) {
    if (size > 0 && size + text.length > maxPartSize) {
      yield [upserts.join(), removes.join()];
      upserts = [];
      removes = [];
      size = 0;
    }
    (isRemoval ? removes : upserts).push(text);
    size += text.length;
  }
  if (size > 0) yield [upserts.join(), removes.join()];
}
