/** All apps: starts an actor for each, passes orders on, and lets go of those that have nothing left. */
import type { AppId, InstanceId } from '../core/ids.ts';
import { appIdOfInstance, safePath } from '../core/ids.ts';
import { missed, refusal } from '../core/refusal.ts';
import { err, InvariantError } from '../core/result.ts';
import { timestamp } from '../core/time.ts';
import { appBehaviour } from './app.ts';
import type { AppMessage, AppsMessage, TargetOrder } from './protocol.ts';
import type { ActorRef, Behaviour, Context } from './runtime/types.ts';
import type { Services } from './services.ts';
import type { StoredInstance } from './stored-instance.ts';
import { TakeUp } from './take-up.ts';

interface AppsState {
  readonly services: Services;
  readonly apps: Map<AppId, ActorRef<AppMessage>>;
  /** Apps that have an order to end; a later order revives them. */
  readonly stopping: Set<AppId>;
  /** Stored apps that have no actor yet. */
  readonly takeUp: TakeUp;
  /** The next slice is in the inbox. */
  isTakingUp: boolean;
  /** The scheduler knows that all were taken up. */
  isTakenUp: boolean;
}

type Ctx = Context<AppsMessage>;

export interface AppsProps {
  readonly services: Services;
  /** Stored instances by app. */
  readonly stored: ReadonlyMap<AppId, readonly StoredInstance[]>;
}

/** The registry of apps. */
export function appsBehaviour(props: AppsProps): Behaviour<AppsState, AppsMessage> {
  return {
    initial: (context) => {
      const takeUp = new TakeUp(props.stored);
      context.metrics.gauge('debug.apps.waiting-for-take-up', () => takeUp.size);
      const { services } = props;
      return { services, apps: new Map(), stopping: new Set(), takeUp, isTakingUp: false, isTakenUp: false };
    },
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
      state.isTakingUp = false;
      for (const appId of state.takeUp.next()) spawn(state, appId, context);
      takeUpRest(state, context);
      return;
    case 'wanted':
      known(state, message.appId, context);
      return;
    case 'resume': {
      const { appId, order } = message;
      const ref = state.apps.get(appId);
      if (ref) give(state, ref, appId, order);
      else {
        state.takeUp.order(appId, order);
        takeUpRest(state, context);
      }
      return;
    }
    case 'target': {
      const { appId, order } = message;
      give(state, known(state, appId, context) ?? spawn(state, appId, context), appId, order);
      return;
    }
    case 'kill':
      for (const [appId, instances] of byApp(message.instances)) {
        known(state, appId, context)?.tell({ type: 'kill', instances, isWipe: message.isWipe });
      }
      return;
    case 'resetDelay': {
      const { appId, replyTo } = message;
      const ref = known(state, appId, context);
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

/** On with the stored apps, behind everything that waits already; once there are none left the scheduler hears of it. */
function takeUpRest(state: AppsState, context: Ctx): void {
  if (state.takeUp.size > 0) {
    if (state.isTakingUp) return;
    state.isTakingUp = true;
    context.self.tell({ type: 'takeUp' });
  } else if (!state.isTakenUp) {
    state.isTakenUp = true;
    state.services.scheduler.tell({ type: 'takenUp' });
  }
}

/** The actor of an app that there is, if only in the store. */
const known = (state: AppsState, appId: AppId, context: Ctx): ActorRef<AppMessage> | undefined =>
  state.apps.get(appId) ?? (state.takeUp.has(appId) ? spawn(state, appId, context) : undefined);

function give(state: AppsState, ref: ActorRef<AppMessage>, appId: AppId, order: TargetOrder): void {
  if (order.mode === 'stopped') state.stopping.add(appId);
  else state.stopping.delete(appId);
  ref.tell({ type: 'target', order });
}

/** With what is stored of it; the order that waits for it comes before any other message. */
function spawn(state: AppsState, appId: AppId, context: Ctx): ActorRef<AppMessage> {
  const { instances: stored, order } = state.takeUp.take(appId) ?? { instances: [], order: undefined };
  const behaviour = appBehaviour({ services: state.services, appId, owner: context.self, stored });
  const ref = context.spawn(behaviour, safePath(appId), {
    onStopped: (reason): AppsMessage =>
      reason.type === 'failed'
        ? { type: 'childFailed', name: appId, error: reason.error }
        : { type: 'appStopped', appId },
  });
  state.apps.set(appId, ref);
  if (order) give(state, ref, appId, order);
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
