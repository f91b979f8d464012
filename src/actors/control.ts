/** Commands of the API, turned into questions to the actors. While there is no subtree, or the journal is behind, they are refused. */

import type { AppChange } from '../core/app/change.ts';
import type { Preview } from '../core/deploy/preview.ts';
import type { GroupRequest } from '../core/group/group-request.ts';
import type { Refusal } from '../core/refusal.ts';
import { invalid, refusal } from '../core/refusal.ts';
import type { Result } from '../core/result.ts';
import { err, ok } from '../core/result.ts';
import { tell } from './effects.ts';
import type {
  Answer,
  AppsChanged,
  ChangeOptions,
  Control,
  DeploymentResult,
  KillRequest,
  PreviewRequest,
  SubscriptionEvent,
} from './front.ts';
import type { Congestion } from './journal-backlog.ts';
import { killPreview, scaleChanges } from './kill-request.ts';
import { type MaintenanceRequest, maintenanceRecord } from './maintenance.ts';
import type { AppsMessage, CallbacksMessage, GroupsMessage, JournalWrite, Reply } from './protocol.ts';
import { AskInboxFull, AskTargetStopped } from './runtime/errors.ts';
import type { Runtime } from './runtime/types.ts';
import type { Services } from './services.ts';
import type { Views } from './views.ts';

/** How long a caller waits for durability before it hears 503. */
const answerTimeoutMs = 10_000;

export interface ControlProps {
  readonly runtime: Runtime;
  readonly views: Views;
  readonly congestion: Congestion;
  /** The actors of the present leadership, or why there are none, or why they must not decide anything now. */
  readonly services: () => Services | string;
  /** Carries out an abdication whose answer was given. */
  readonly stepAside: () => void;
  /** Why this file URI cannot be used for a backup or a restore; undefined if it can. */
  readonly badUri: (uri: string) => string | undefined;
}

/** The commands. */
export function createControl(props: ControlProps): Control {
  return {
    changeApps: (changes, options) => change(props, { changes }, options),
    changeGroup: (group, options) => change(props, { changes: [], group }, options),
    preview: (wanted, options) => preview(props, wanted, options),
    cancelDeployment: (id, { force, limits }) =>
      guarded(props, ({ groups }) =>
        props.runtime.ask(
          groups,
          (replyTo: Reply<DeploymentResult | undefined>): GroupsMessage => ({
            type: 'cancel',
            id,
            force,
            limits,
            replyTo,
          }),
          answerTimeoutMs,
        ),
      ),
    continueDeployment: (id, limits, requestKey) =>
      guarded(props, ({ groups }) =>
        props.runtime.ask(
          groups,
          (replyTo: Reply<DeploymentResult>): GroupsMessage => ({ type: 'continue', id, limits, requestKey, replyTo }),
          answerTimeoutMs,
        ),
      ),
    resetDelay: (appId) =>
      guarded(props, ({ apps }) =>
        props.runtime.ask(
          apps,
          (replyTo: Reply<void>): AppsMessage => ({ type: 'resetDelay', appId, replyTo }),
          answerTimeoutMs,
        ),
      ),
    abdicate: (request) => abdicate(props, request),
    subscribe: (request) =>
      askCallbacks(props, (replyTo): CallbacksMessage => ({ type: 'subscribe', ...request, replyTo })),
    unsubscribe: (request) =>
      askCallbacks(props, (replyTo): CallbacksMessage => ({ type: 'unsubscribe', ...request, replyTo })),
    kill: (request) => (request.scale ? killAndScale(props, request) : kill(props, request)),
  };
}

type Wanted = { readonly changes: readonly AppChange[]; readonly group?: GroupRequest };

const change = (props: ControlProps, wanted: Wanted, { origin, ...options }: ChangeOptions) =>
  guarded(props, ({ groups }) =>
    props.runtime.ask(
      groups,
      (replyTo: Reply<AppsChanged>): GroupsMessage => ({ type: 'change', ...wanted, ...options, origin, replyTo }),
      answerTimeoutMs,
    ),
  );

const askCallbacks = (
  props: ControlProps,
  message: (replyTo: Reply<SubscriptionEvent>) => CallbacksMessage,
): Answer<SubscriptionEvent> =>
  guarded(props, async ({ callbacks }) =>
    callbacks
      ? props.runtime.ask(callbacks, message, answerTimeoutMs)
      : err(refusal('badRequest', 'HTTP callbacks are not enabled')),
  );

function preview(
  props: ControlProps,
  wanted: PreviewRequest,
  { force, restart, expected, keepsApps = false }: ChangeOptions,
): Answer<Preview> {
  const conditions = { force, keepsApps, ...(restart ? { restart } : {}), ...(expected ? { expected } : {}) };
  const message = (replyTo: Reply<Preview>): GroupsMessage => {
    if ('cancel' in wanted) return { type: 'previewDeployment', what: 'cancel', id: wanted.cancel, force, replyTo };
    if ('continue' in wanted) {
      return { type: 'previewDeployment', what: 'continue', id: wanted.continue, force, replyTo };
    }
    const changes = 'apps' in wanted ? wanted.apps : 'kill' in wanted ? scaleChanges(props.views, wanted.kill) : [];
    const group = 'group' in wanted ? { group: wanted.group } : {};
    return { type: 'preview', changes, ...group, ...conditions, replyTo };
  };
  return guarded(props, async ({ groups }) => {
    // What nobody writes needs nobody's answer.
    if ('kill' in wanted && !wanted.kill.scale) return ok(killPreview(props.views, wanted.kill));
    return props.runtime.ask(groups, message, answerTimeoutMs);
  });
}

/** Turns everything that keeps the actors from answering into 503, and says what became of the write (design §5.5). */
async function guarded<T>(props: ControlProps, ask: (services: Services) => Promise<Result<T, Refusal>>): Answer<T> {
  const services = props.services();
  if (typeof services === 'string') return err(unavailable(services, 'refused'));
  if (props.congestion.isCongested) {
    return err(unavailable('the journal is behind; try again in a moment', 'refused'));
  }
  try {
    return await ask(services);
  } catch (error) {
    return err(unavailable(error instanceof Error ? error.message : String(error), outcomeAfter(error)));
  }
}

/** `refused`: certainly not done, and never will be. `unknown`: it may have been done, or may be yet. */
type WriteOutcome = 'refused' | 'unknown';

function outcomeAfter(error: unknown): WriteOutcome {
  if (error instanceof AskInboxFull) return 'refused';
  return error instanceof AskTargetStopped && !error.wasDelivered ? 'refused' : 'unknown';
}

const unavailable = (message: string, outcome: WriteOutcome): Refusal =>
  refusal('unavailable', message, { headers: { 'Retry-After': '1', 'Marathon-Write-Outcome': outcome } });

/** The next leader finds the request in the store (rest-api §6A.2). The answer goes out before anybody steps aside. */
async function abdicate(props: ControlProps, request: MaintenanceRequest): Answer<void> {
  for (const uri of Object.values(request)) {
    const bad = props.badUri(uri);
    if (bad !== undefined) return err(invalid([{ path: '/', errors: [bad] }]));
  }
  const result = await guarded(props, ({ journal }) => storeRequest(props, journal, request));
  if (result.ok) props.stepAside();
  return result;
}

function storeRequest(
  { runtime }: ControlProps,
  journal: Services['journal'],
  request: MaintenanceRequest,
): Answer<void> {
  const records = Object.keys(request).length === 0 ? [] : [maintenanceRecord(request)];
  return runtime.ask(
    journal,
    (replyTo: Reply<void>): JournalWrite => ({
      type: 'write',
      records,
      events: [],
      effects: [tell(replyTo, ok(undefined))],
    }),
    answerTimeoutMs,
  );
}

async function kill(props: ControlProps, request: KillRequest): ReturnType<Control['kill']> {
  const services = props.services();
  if (typeof services === 'string') return err(unavailable(services, 'refused'));
  const instances = request.instances.flatMap((id) => props.views.instance(id) ?? []);
  const ids = instances.map((i) => i.id);
  if (ids.length > 0 && !services.apps.tell({ type: 'kill', instances: ids, isWipe: request.wipe })) {
    return err(unavailable('the scheduler is overloaded', 'refused'));
  }
  return ok({ type: 'killed', instances });
}

/** One deployment that lowers each app's count by its instances here, and sentences them (behaviour §4.9). */
async function killAndScale(props: ControlProps, request: KillRequest): ReturnType<Control['kill']> {
  const { force, limits, requestKey } = request;
  const options = { force, ...(limits ? { limits } : {}), ...(requestKey ? { requestKey } : {}) };
  const result = await change(props, { changes: scaleChanges(props.views, request) }, options);
  return result.ok ? ok({ type: 'deployment', result: result.value }) : result;
}
