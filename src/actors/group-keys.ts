/** Requests with a key (`Idempotency-Key`), at the one writer of definitions: there nothing can come between a look and the deed. */
import type { RecordWrite } from '../core/journal/batch.ts';
import type { KeyedResult, RequestKey } from '../core/request-keys.ts';
import { ok } from '../core/result.ts';
import { tell } from './effects.ts';
import type { AppsChanged } from './front.ts';
import type { GroupsState } from './groups.ts';
import type { GroupsMessage, Reply } from './protocol.ts';
import type { Context } from './runtime/types.ts';

type Ctx = Context<GroupsMessage>;

/**
 * Answers a request that was carried out before, or whose key stands for another one; true if that is all there is to do. The
 * answer waits for whatever is not durable yet: the first request may be among it.
 */
export function answerRepeated(
  { requestKeys, services }: GroupsState,
  { requestKey, replyTo }: { readonly requestKey?: RequestKey | undefined; readonly replyTo: Reply<AppsChanged> },
  { clock, metrics }: Ctx,
): boolean {
  if (!requestKey) return false;
  const found = requestKeys.find(requestKey, clock.now());
  if (found.ok && !found.value) return false;
  metrics.count('request-keys.repeated');
  const answer = found.ok && found.value ? ok(first(services, found.value)) : found;
  services.journal.tell({ type: 'write', records: [], events: [], effects: [tell(replyTo as Reply<unknown>, answer)] });
  return true;
}

/** The first answer, from what was kept of it. */
function first({ versions }: GroupsState['services'], result: KeyedResult): AppsChanged {
  const { version, deploymentId, app, isCreated = false } = result;
  const definition = app === undefined ? undefined : versions.at(app, version);
  return {
    version,
    deploymentId,
    apps: definition ? [definition] : [],
    created: isCreated && app !== undefined ? [app] : [],
    removed: [],
    isRepeated: true,
  };
}

/** What the batch of a request with a key holds besides its effect. */
export function keyRecords(
  { requestKeys }: GroupsState,
  requestKey: RequestKey | undefined,
  {
    version,
    deploymentId,
    apps = [],
    created = [],
  }: Pick<AppsChanged, 'version' | 'deploymentId'> & Partial<AppsChanged>,
  { clock }: Ctx,
): readonly RecordWrite[] {
  if (!requestKey) return [];
  const app = apps[0]?.id ?? created[0];
  return requestKeys.add({
    ...requestKey,
    atMs: clock.now(),
    version,
    deploymentId,
    ...(app === undefined ? {} : { app }),
    ...(created.length > 0 ? { isCreated: true } : {}),
  });
}
