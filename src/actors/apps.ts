/** All apps: starts an actor for each, passes orders on, and lets go of those that have nothing left. */
import type { AppId, InstanceId } from '../core/ids.ts';
import { appIdOfInstance, safePath } from '../core/ids.ts';
import type { Instance } from '../core/instance/instance.ts';
import { missed, refusal } from '../core/refusal.ts';
import { err, InvariantError } from '../core/result.ts';
import { timestamp } from '../core/time.ts';
import { appBehaviour } from './app.ts';
import type { AppMessage, AppsMessage } from './protocol.ts';
import type { ActorRef, Behaviour, Context } from './runtime/types.ts';
import type { Services } from './services.ts';

interface AppsState {
  readonly services: Services;
  readonly apps: Map<AppId, ActorRef<AppMessage>>;
  /** Apps that have an order to end; a later order revives them. */
  readonly stopping: Set<AppId>;
  /** Stored instances whose app has no actor yet. */
  readonly loaded: Map<AppId, readonly Instance[]>;
}

type Ctx = Context<AppsMessage>;

export interface AppsProps {
  readonly services: Services;
  /** Stored instances by app. */
  readonly loaded: ReadonlyMap<AppId, readonly Instance[]>;
}

/** The registry of apps. */
export function appsBehaviour(props: AppsProps): Behaviour<AppsState, AppsMessage> {
  return {
    initial: () => ({
      services: props.services,
      apps: new Map(),
      stopping: new Set(),
      loaded: new Map(props.loaded),
    }),
    receive: (state, message, context) => {
      handle(state, message, context);
      return state;
    },
    onFailure: () => 'stop',
  };
}

function handle(state: AppsState, message: AppsMessage, context: Ctx): void {
  switch (message.type) {
    case 'takeUp':
      if (!state.apps.has(message.appId)) spawn(state, message.appId, context);
      return;
    case 'allTakenUp':
      state.services.scheduler.tell({ type: 'takenUp' });
      return;
    case 'target': {
      const { appId, order } = message;
      if (order.mode === 'stopped') state.stopping.add(appId);
      else state.stopping.delete(appId);
      const ref = state.apps.get(appId) ?? spawn(state, appId, context);
      ref.tell({ type: 'target', order });
      return;
    }
    case 'kill':
      for (const [appId, instances] of byApp(message.instances)) {
        state.apps.get(appId)?.tell({ type: 'kill', instances, isWipe: message.isWipe });
      }
      return;
    case 'resetDelay': {
      const { appId, replyTo } = message;
      const ref = state.apps.get(appId);
      if (ref) ref.tell({ type: 'resetDelay', replyTo });
      else replyTo.tell(err(missed(refusal('notFound', `Application ${appId} not found in tasks queue.`))));
      return;
    }
    case 'emptied':
      emptied(state, message.appId, context);
      return;
    case 'appStopped':
      return;
    case 'childFailed':
      throw new InvariantError(`app ${message.name} failed`, { cause: message.error });
  }
}

function spawn(state: AppsState, appId: AppId, context: Ctx): ActorRef<AppMessage> {
  const loaded = state.loaded.get(appId) ?? [];
  state.loaded.delete(appId);
  const behaviour = appBehaviour({ services: state.services, appId, owner: context.self, loaded });
  const ref = context.spawn(behaviour, safePath(appId), {
    onStopped: (reason): AppsMessage =>
      reason.type === 'failed'
        ? { type: 'childFailed', name: appId, error: reason.error }
        : { type: 'appStopped', appId },
  });
  state.apps.set(appId, ref);
  return ref;
}

function emptied(state: AppsState, appId: AppId, context: Ctx): void {
  const ref = state.apps.get(appId);
  // A new order may have come since: then the app lives on.
  if (!ref || !state.stopping.has(appId)) return;
  state.apps.delete(appId);
  state.stopping.delete(appId);
  context.stop(ref);
  const event = { eventType: 'app_terminated_event' as const, timestamp: timestamp(context.clock.now()), appId };
  state.services.journal.tell({ type: 'write', records: [], events: [event], effects: [] });
}

function byApp(ids: readonly InstanceId[]): ReadonlyMap<AppId, readonly InstanceId[]> {
  const grouped = new Map<AppId, InstanceId[]>();
  for (const id of ids) {
    const appId = appIdOfInstance(id);
    if (!appId) continue;
    const list = grouped.get(appId);
    if (list) list.push(id);
    else grouped.set(appId, [id]);
  }
  return grouped;
}
