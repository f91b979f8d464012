/** The state of an instance actor, and what may be asked of it. */
import type { AppDefinition, UnreachableStrategy } from '../core/app/definition.ts';
import type { HealthStatus } from '../core/health/health.ts';
import type { InstanceCommand } from '../core/instance/decide.ts';
import type { Instance } from '../core/instance/instance.ts';
import type { RecordWrite } from '../core/journal/batch.ts';
import type { Effect } from './effects.ts';
import type { AppMessage, InstanceMessage } from './protocol.ts';
import type { ActorRef, Context } from './runtime/types.ts';
import type { Services } from './services.ts';
import type { StoredInstance } from './stored-instance.ts';

/** What the instances of one app have in common; one object for all of them, since there may be 100,000. */
export interface InstanceProps {
  readonly services: Services;
  readonly owner: ActorRef<AppMessage>;
  /** The app's present target, for rules that hold for running tasks at once (unreachable strategy). */
  readonly targetOf: () => AppDefinition | undefined;
  /** True if an unhealthy instance must wait for its replacement (`replaceBeforeKill`). */
  readonly isReplacedFirst: () => boolean;
}

/** A stored instance that is taken up again, or a new one that must still be written. */
export type Birth =
  | { readonly type: 'new'; readonly instance: Instance }
  | ({ readonly type: 'loaded' } & StoredInstance);

export interface InstanceState {
  readonly props: InstanceProps;
  readonly instance: Instance;
  /** Results of the leader's and the agent's checks, by their place in the definition. */
  readonly health: readonly (HealthStatus | undefined)[];
  /** Monotonic time of the present launch; of a stored one, the time when it was taken up again: Mesos has yet to say what became of it. */
  readonly launchedAtMs: number;
}

/** What a change brings along beyond the record itself. */
export interface Extras {
  readonly records?: readonly RecordWrite[];
  readonly effects?: readonly Effect[];
  readonly isFailure?: boolean;
  readonly isDrained?: boolean;
}

/** Decides a command and performs its effect. */
export type ApplyCommand = (
  state: InstanceState,
  command: InstanceCommand,
  extras: Extras,
  context: Context<InstanceMessage>,
) => InstanceState;

/** The definition that this instance's task runs. */
export function definitionOf(state: InstanceState): AppDefinition | undefined {
  const { services, targetOf } = state.props;
  return services.versions.at(state.instance.appId, state.instance.version) ?? targetOf();
}

/** The rule for running tasks is the one of the app's present target (design §8). */
export const strategyOf = (state: InstanceState): UnreachableStrategy => {
  const app = state.props.targetOf() ?? definitionOf(state);
  return app?.unreachableStrategy ?? { inactiveAfterSeconds: 0, expungeAfterSeconds: 0 };
};
