/** Which apps, and which events, a subscription is about. */
import type { ReadModel, StateChange } from '../../../actors/front.ts';
import type { LoggedEvent } from '../../../core/events.ts';
import { isBelow } from '../../../core/ids.ts';
import { type EventFilter, typeFilter } from '../filter.ts';
import type { AppSelection } from './client-frame.ts';

/** Apps that were removed and whose labels are remembered, for the events that still tell of them. */
export const maxRemembered = 10_000;

type Labels = Readonly<Record<string, string>>;

/** Labels of apps, removed ones included. */
export class LabelBook {
  readonly #read: Pick<ReadModel, 'app'>;
  readonly #removed = new Map<string, Labels>();

  constructor(read: Pick<ReadModel, 'app'>) {
    this.#read = read;
  }

  /** To be called with every change. */
  note(change: StateChange): void {
    if (change.type !== 'app') return;
    this.#removed.delete(change.id);
    if (!change.before || this.#read.app(change.id)) return;
    this.#removed.set(change.id, change.before.labels);
    const [oldest] = this.#removed.keys();
    if (this.#removed.size > maxRemembered && oldest !== undefined) this.#removed.delete(oldest);
  }

  /** Removed apps that are remembered. */
  get size(): number {
    return this.#removed.size;
  }

  of(appId: string): Labels | undefined {
    return this.#read.app(appId)?.labels ?? this.#removed.get(appId);
  }
}

/** True if one of the apps is selected. Without any selection everything is, what belongs to no app included. */
export function selects(
  { prefix, label, hasLabels }: AppSelection,
  apps: readonly string[],
  labels: LabelBook,
): boolean {
  if (prefix === undefined && label === undefined) return true;
  return apps.some((id) => {
    if (prefix !== undefined && id !== prefix && !isBelow(id, prefix)) return false;
    if (label === undefined) return true;
    const ofApp = labels.of(id);
    return ofApp !== undefined && hasLabels(ofApp);
  });
}

/** Equal for subscriptions that select the same apps. */
export const selectionKey = ({ prefix, label }: AppSelection): string => JSON.stringify([prefix ?? '', label ?? '']);

/** The filter of an event subscription. */
export function liveFilter(types: readonly string[], selection: AppSelection, labels: LabelBook): EventFilter {
  const ofType = typeFilter(types, true);
  const { prefix, label } = selection;
  const key = `${ofType.key} ${selectionKey(selection)}`;
  const isFixed = label === undefined;
  if (prefix === undefined && isFixed) return { key, isFixed, accepts: ofType.accepts };
  return { key, isFixed, accepts: (event) => ofType.accepts(event) && selects(selection, appsOf(event), labels) };
}

interface Content {
  readonly appId?: string;
  readonly runSpecId?: string;
  readonly appDefinition?: { readonly id?: string };
  readonly plan?: { readonly steps?: readonly { readonly actions?: readonly { readonly app?: string }[] }[] };
}

const known = new WeakMap<LoggedEvent, readonly string[]>();

/** Apps that an event is about; read once for all subscriptions that ask. */
export function appsOf(event: LoggedEvent): readonly string[] {
  let apps = known.get(event);
  if (!apps) {
    const { appId, runSpecId, appDefinition, plan } = JSON.parse(event.json) as Content;
    const planned = plan?.steps?.flatMap(({ actions }) => actions?.map(({ app }) => app) ?? []) ?? [];
    const all = [appId, runSpecId, appDefinition?.id, ...planned].filter((id) => id !== undefined);
    apps = [...new Set(all)];
    known.set(event, apps);
  }
  return apps;
}
