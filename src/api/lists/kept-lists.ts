/**
 * The lists that are read again and again, kept between state versions: all apps, all tasks, the tasks of an app that has many. They follow the
 * read model change by change, in the order in which it holds apps and instances, so that each shows the same bytes as a list made anew.
 */
import type { ReadModel, StateChange } from '../../actors/front.ts';
import type { Metrics } from '../../actors/ports.ts';
import { type AppDefinition, portEntries } from '../../core/app/definition.ts';
import { hasTask } from '../../core/instance/shown.ts';
import { type AppEmbeds, listEmbeds } from '../embed.ts';
import type { AppRenderer } from '../render/app-info.ts';
import { type TaskRenderer, taskJson } from '../render/task.ts';
import { type Piece, pieceOf } from './piece.ts';
import { PieceList } from './piece-list.ts';

/** Lists kept; the one that was read longest ago goes first. */
export const maxKeptLists = 32;
/** Bytes of all pieces. The list that is read is kept even if it alone is larger. */
export const maxKeptBytes = 256 * 1024 * 1024;
/** Tasks from which on those of one app are worth a list. */
export const minListedTasks = 200;
/**
 * A list is dropped when this many changes came and it was not read, or as many as it has entries if those are more: to make it anew then costs
 * no more than those changes did.
 */
export const maxUnreadChanges = 10_000;

const openApps = pieceOf('{"apps":[');
const openTasks = pieceOf('{"tasks":[');
const close = pieceOf(']}');

export interface KeptListsOptions {
  readonly read: ReadModel;
  readonly metrics: Metrics;
  readonly apps: AppRenderer;
  readonly tasks: TaskRenderer;
}

interface Kept {
  readonly list: PieceList;
  unread: number;
  pieces: readonly Piece[] | undefined;
  bytes: number;
}

type AppsKey = 'apps' | 'apps with tasks';

const tasksKey = (appId: string): string => `tasks of ${appId}`;

/** What of the app lists is kept; others depend on more than what the read model tells of. */
function appsKey(embeds: AppEmbeds): AppsKey | undefined {
  const { tasks, ...rest } = embeds;
  const isKnown = Object.entries(rest).every(([name, value]) => value === listEmbeds[name as keyof AppEmbeds]);
  return isKnown ? (tasks ? 'apps with tasks' : 'apps') : undefined;
}

export class KeptLists {
  readonly #options: KeptListsOptions;
  /** By name, the one that was read last at the end. */
  readonly #kept = new Map<string, Kept>();
  /** Place of each app; undefined until a list needs it. */
  #order: Map<string, number> | undefined;
  #next = 0;

  constructor(options: KeptListsOptions) {
    this.#options = options;
    options.read.watch((change) => this.#note(change));
    options.metrics.gauge('http.kept-lists.count', () => this.#kept.size);
    options.metrics.gauge('http.kept-lists.size', () => this.heldBytes);
  }

  get count(): number {
    return this.#kept.size;
  }

  /** Bytes of all pieces, as of when they were last read. */
  get heldBytes(): number {
    let sum = 0;
    for (const { bytes } of this.#kept.values()) sum += bytes;
    return sum;
  }

  /** `{"apps":[…]}` with every app; undefined for what must be made anew. */
  apps(embeds: AppEmbeds): readonly Piece[] | undefined {
    const key = appsKey(embeds);
    if (!key) return undefined;
    const { read, apps } = this.#options;
    return this.#body(openApps, key, () => {
      const list = new PieceList((id) => {
        const app = read.app(id);
        return app ? apps.info(app, embeds, 0) : '';
      });
      for (const [id, place] of this.#places()) list.add(id, place);
      return list;
    });
  }

  /** `{"tasks":[…]}` with every task and the service ports of its app. */
  allTasks(): readonly Piece[] {
    const { read } = this.#options;
    return this.#body(openTasks, 'tasks', () => {
      const list = new PieceList((id) => {
        const app = read.app(read.instance(id)?.appId ?? '');
        return app ? this.#taskText(id, servicePortsOf(app)) : '';
      });
      for (const [appId, place] of this.#places()) this.#addTasks(list, appId, place);
      return list;
    });
  }

  /** `{"tasks":[…]}` with the tasks of one app; undefined where they are too few to be kept. */
  tasksOf(appId: string): readonly Piece[] | undefined {
    const key = tasksKey(appId);
    if (!this.#kept.has(key) && !this.#hasMany(appId)) return undefined;
    return this.#body(openTasks, key, () => {
      const list = new PieceList((id) => this.#taskText(id));
      this.#addTasks(list, appId, 0);
      return list;
    });
  }

  #hasMany(appId: string): boolean {
    let count = 0;
    for (const _ of this.#options.read.instancesOf(appId)) {
      count += 1;
      if (count >= minListedTasks) return true;
    }
    return false;
  }

  #body(open: Piece, key: string, make: () => PieceList): readonly Piece[] {
    const kept = this.#kept.get(key) ?? { list: make(), unread: 0, pieces: undefined, bytes: 0 };
    kept.unread = 0;
    // Put back only when it was rendered: one that failed half way is made anew.
    this.#kept.delete(key);
    const pieces = kept.list.pieces();
    this.#kept.set(key, kept);
    if (pieces !== kept.pieces) {
      kept.pieces = pieces;
      kept.bytes = kept.list.heldBytes;
      this.#makeRoom();
    }
    return [open, ...pieces, close];
  }

  #makeRoom(): void {
    let bytes = this.heldBytes;
    for (const [key, old] of this.#kept) {
      if (this.#kept.size === 1 || (this.#kept.size <= maxKeptLists && bytes <= maxKeptBytes)) return;
      bytes -= old.bytes;
      this.#kept.delete(key);
    }
  }

  #places(): ReadonlyMap<string, number> {
    if (!this.#order) {
      const order = new Map<string, number>();
      for (const { id } of this.#options.read.apps()) order.set(id, this.#next++);
      this.#order = order;
    }
    return this.#order;
  }

  #addTasks(list: PieceList, appId: string, place: number): void {
    for (const { id } of this.#options.read.instancesOf(appId)) list.add(id, place, this.#next++);
  }

  #taskText(id: string, servicePorts = ''): string {
    const { read, tasks } = this.#options;
    const instance = read.instance(id);
    return instance && hasTask(instance) ? taskJson(tasks(instance), servicePorts) : '';
  }

  /** Only marks what changed: some changes are told before they can be seen. */
  #note(change: StateChange): void {
    switch (change.type) {
      case 'app':
        this.#noteApp(change.id, change.before);
        break;
      case 'instance':
        this.#noteInstance(change.id, change.appId);
        break;
      case 'deployment':
        if (change.isStep) break;
        for (const { list } of this.#appLists()) for (const id of change.apps) list.touch(id);
        break;
      case 'everything':
        this.#kept.clear();
        this.#order = undefined;
        break;
    }
  }

  #noteApp(id: string, before: AppDefinition | undefined): void {
    const { read } = this.#options;
    const place = this.#order?.get(id);
    const app = read.app(id);
    const isThere = app !== undefined;
    if (!this.#order || (!isThere && place === undefined)) return;
    const all = this.#following('tasks');
    if (!isThere) {
      this.#order.delete(id);
      for (const { list } of this.#appLists()) list.remove(id);
      if (all) for (const instance of read.instancesOf(id)) all.list.remove(instance.id);
    } else if (place === undefined) {
      const last = this.#next++;
      this.#order.set(id, last);
      for (const { list } of this.#appLists()) list.add(id, last);
      if (all) this.#addTasks(all.list, id, last);
    } else {
      for (const { list } of this.#appLists()) list.touch(id);
      if (!before || servicePortsOf(before) !== servicePortsOf(app)) all?.list.touchAll(place);
    }
  }

  #noteInstance(id: string, appId: string): void {
    for (const { list } of this.#appLists()) list.touch(appId);
    const place = this.#order?.get(appId);
    if (place !== undefined) this.#noteTask(this.#following('tasks'), id, place);
    this.#noteTask(this.#following(tasksKey(appId)), id, 0);
  }

  #noteTask(kept: Kept | undefined, id: string, place: number): void {
    if (!kept) return;
    const { list } = kept;
    if (!this.#options.read.instance(id)) list.remove(id);
    else if (list.has(id)) list.touch(id);
    else list.add(id, place, this.#next++);
  }

  /** The lists of apps that are kept. */
  #appLists(): readonly Kept[] {
    const keys: readonly AppsKey[] = ['apps', 'apps with tasks'];
    return keys.flatMap((key) => this.#following(key) ?? []);
  }

  /** A list that a change is to be noted in; it goes if nobody has read it for long. */
  #following(key: string): Kept | undefined {
    const kept = this.#kept.get(key);
    if (!kept) return undefined;
    kept.unread += 1;
    if (kept.unread <= Math.max(maxUnreadChanges, kept.list.size)) return kept;
    this.#kept.delete(key);
    return undefined;
  }
}

/** The elements of `servicePorts` of an app's tasks. */
export const servicePortsOf = (app: AppDefinition): string =>
  portEntries(app)
    .map((port) => port.servicePort)
    .join(',');
