/** What all instances of an app are spawned with: one object for each app, since it may have 100,000 of them. */
import type { InstanceId } from '../core/ids.ts';
import type { AppTarget } from '../core/scale/reconcile.ts';
import type { InstanceProps } from './instance-state.ts';
import type { AppMessage } from './protocol.ts';
import type { ActorRef, SpawnOptions } from './runtime/types.ts';
import type { Services } from './services.ts';

export interface Kin {
  readonly props: InstanceProps;
  readonly options: SpawnOptions<AppMessage>;
}

/** `targetOf` gives what the app aims at when it is asked. */
export const kinOf = (services: Services, owner: ActorRef<AppMessage>, targetOf: () => AppTarget | undefined): Kin => ({
  props: {
    services,
    owner,
    targetOf: () => targetOf()?.app,
    isReplacedFirst: () => {
      const target = targetOf();
      return target?.mode === 'steady' && target.app.replaceBeforeKill === true;
    },
  },
  options: {
    isLight: true,
    onStopped: (reason, name): AppMessage =>
      reason.type === 'failed'
        ? { type: 'childFailed', name, error: reason.error }
        : { type: 'instanceGone', instanceId: name as InstanceId, isFailure: false },
  },
});
