import { createRuntime } from '../../../src/actors/runtime/runtime.ts';
import type {
  ActorRef,
  Behaviour,
  Context,
  Directive,
  Runtime,
  RuntimeOptions,
} from '../../../src/actors/runtime/types.ts';
import {
  createSilentLogger,
  createSilentMetrics,
  type SilentLogger,
  type SilentMetrics,
} from '../../support/null-observers.ts';
import { createVirtualClock, type VirtualClock } from '../../support/virtual-clock.ts';

export interface TestRuntime {
  readonly runtime: Runtime;
  readonly clock: VirtualClock;
  readonly logger: SilentLogger;
  readonly metrics: SilentMetrics;
}

/** A runtime on a virtual clock whose observers can be read. */
export function createTestRuntime(options: Partial<RuntimeOptions> = {}): TestRuntime {
  const clock = createVirtualClock();
  const logger = createSilentLogger();
  const metrics = createSilentMetrics();
  return { runtime: createRuntime({ name: 'system', clock, logger, metrics, ...options }), clock, logger, metrics };
}

/** What a scripted actor is told: code that it runs as its handler. */
export type Script = (context: Context<Script>, state: State) => void;

export interface State {
  /** Which of the states of this actor it is, from 1. */
  readonly life: number;
}

export interface Scripted extends Behaviour<State, Script> {
  /** Lives begun and ended, in order: `+1`, `-1`, `+2`. */
  readonly lives: string[];
}

/** An actor that does what each message says; it throws if the message throws. */
export function scripted(directive?: Directive, lives: string[] = [], label = ''): Scripted {
  let life = 0;
  return {
    lives,
    initial: () => {
      life += 1;
      lives.push(`+${label}${life}`);
      return { life };
    },
    receive: (state, script, context) => {
      script(context, state);
      return state;
    },
    ...(directive === undefined ? {} : { onFailure: () => directive }),
    onStop: (state) => {
      lives.push(`-${label}${state.life}`);
    },
  };
}

/** Throws, as a message. */
export const blowUp: Script = () => {
  throw new Error('blown up');
};

/** An actor that writes down what it is told. */
export function recorder<M>(seen: M[]): Behaviour<null, M> {
  return {
    initial: () => null,
    receive: (_state, message) => {
      seen.push(message);
      return null;
    },
  };
}

/** Runs `code` as a handler of `target` and resolves when all is quiet again. */
export async function run(runtime: Runtime, target: ActorRef<Script>, code: Script): Promise<void> {
  target.tell(code);
  await runtime.idle();
}
