/** Spawns what a leader runs below the scheduler, and hands out the first orders. */
import type { AppId } from '../core/ids.ts';
import { isTerminal } from '../core/instance/instance.ts';
import { InvariantError } from '../core/result.ts';
import { appsBehaviour } from './apps.ts';
import { deploymentsBehaviour } from './deployments.ts';
import { tell } from './effects.ts';
import { groupsBehaviour } from './groups.ts';
import { healthGuardBehaviour } from './health-guard.ts';
import { killsBehaviour } from './kills.ts';
import type { LoadedState } from './load.ts';
import { orphanedApps, ownedInstances } from './load.ts';
import type { Prober } from './ports.ts';
import { probesBehaviour } from './probes.ts';
import type { SchedulerMessage } from './protocol.ts';
import { readinessBehaviour } from './readiness.ts';
import type { Behaviour, Context, StopReason } from './runtime/types.ts';
import { schedulerBehaviour } from './scheduler.ts';
import type { Assembled, SchedulerState } from './scheduler-state.ts';
import type { LeaderServices, Services } from './services.ts';
import { placedInstances, withAddresses } from './stored-instance.ts';

export interface SubtreeProps {
  readonly leader: LeaderServices;
  readonly loaded: LoadedState;
  readonly prober: Prober;
  /** Told the actors once they are there. */
  readonly onReady: (services: Services) => void;
}

/** The scheduler with everything below it. */
export function subtreeBehaviour(props: SubtreeProps): Behaviour<SchedulerState, SchedulerMessage> {
  return schedulerBehaviour({
    frameworkId: props.loaded.frameworkId,
    strays: props.loaded.strays,
    assemble: (context) => assemble(props, context),
    begin: (services, context) => begin(props, services, context),
  });
}

type Wiring = { -readonly [Name in keyof Services]: Services[Name] };

/** Everyone gets the same object, which is complete before the first message is handled. */
function assemble({ leader, loaded, prober }: SubtreeProps, context: Context<SchedulerMessage>): Assembled {
  const services = { ...leader, scheduler: context.self } as Wiring;
  const worker = <S, M>(name: string, behaviour: Behaviour<S, M>) =>
    context.spawn(behaviour, name, {
      inboxLimit: 2_000_000,
      onStopped: (reason: StopReason): SchedulerMessage => ({
        type: 'childFailed',
        name,
        error: reason.type === 'failed' ? reason.error : new InvariantError(`${name} stopped by itself`),
      }),
    });
  const { settings } = leader;
  services.kills = worker('kills', killsBehaviour(leader));
  services.healthGuard = worker('health-guard', healthGuardBehaviour(leader));
  const onLag = () => services.healthGuard.tell({ type: 'lagged' });
  services.probes = worker('probes', probesBehaviour(prober, settings.maxConcurrentHealthChecks, onLag));
  services.readiness = worker(
    'readiness',
    readinessBehaviour(prober, leader.views, settings.maxConcurrentHealthChecks),
  );
  services.deployments = worker('deployments', deploymentsBehaviour(services));
  const stored = withAddresses(ownedInstances(loaded), (appId) => services.apps.tell({ type: 'wanted', appId }));
  services.apps = worker('apps', appsBehaviour({ services, stored }));
  const { tree, history, deployments: running, finished, requestKeys } = loaded;
  services.groups = worker('groups', groupsBehaviour({ services, tree, history, running, finished, requestKeys }));
  return { services, placed: placedInstances(stored.values()) };
}

function begin({ loaded, onReady }: SubtreeProps, services: Services, context: Context<SchedulerMessage>): void {
  for (const id of orphanedApps(loaded)) giveUp(loaded, services, id, context);
  services.apps.tell({ type: 'takeUp' });
  services.groups.tell({ type: 'resume' });
  onReady(services);
}

/** Instances without a definition: killed at Mesos and forgotten here; what still comes of them is an unknown task. */
function giveUp(loaded: LoadedState, services: Services, appId: AppId, context: Context<SchedulerMessage>): void {
  for (const instance of loaded.instances.get(appId) ?? []) {
    context.logger.warn('instance.orphaned', { instance: instance.id });
    const agentId = instance.agent?.agentId;
    const effects = instance.tasks
      .filter((task) => !isTerminal(task.condition))
      .map((task) => tell(services.kills, { type: 'kill', taskId: task.id, agentId, reason: 'orphaned' }));
    const records = [{ kind: 'instance', key: instance.id, value: undefined }] as const;
    services.journal.tell({ type: 'write', records, events: [], effects });
  }
}
