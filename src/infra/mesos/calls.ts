/** Bodies of the scheduler calls, as JSON text (mesos-v1 §2.1). What never changes for a framework is joined once. */
import type { FrameworkInfo, TaskInfo } from '../../core/mesos/types.ts';

export interface TaskReference {
  readonly taskId: string;
  readonly agentId: string | undefined;
}

/** Every function returns the body of one call. */
export interface CallEncoder {
  readonly accept: (offerIds: readonly string[], tasks: readonly TaskInfo[], refuseSeconds: number) => string;
  readonly decline: (offerIds: readonly string[], refuseSeconds: number) => string;
  readonly kill: (task: TaskReference) => string;
  readonly acknowledge: (taskId: string, agentId: string, uuid: string) => string;
  readonly reconcile: (tasks: readonly TaskReference[]) => string;
  readonly revive: (roles: readonly string[]) => string;
  readonly suppress: (roles: readonly string[]) => string;
  readonly declineInverseOffers: (inverseOfferIds: readonly string[], refuseSeconds: number) => string;
  /** Everything in it but what may not change must be as it was. Roles that are not named as suppressed are revived. */
  readonly updateFramework: (framework: Omit<FrameworkInfo, 'id'>, suppressed?: readonly string[]) => string;
  readonly teardown: () => string;
}

const quote = (text: string): string => JSON.stringify(text);

const idList = (ids: readonly string[]): string => ids.map((id) => `{"value":${quote(id)}}`).join(',');

const task = (reference: TaskReference): string =>
  reference.agentId === undefined
    ? `{"task_id":{"value":${quote(reference.taskId)}}}`
    : `{"task_id":{"value":${quote(reference.taskId)}},"agent_id":{"value":${quote(reference.agentId)}}}`;

const roleList = (roles: readonly string[]): string =>
  roles.length === 0 ? '{}' : `{"roles":${JSON.stringify(roles)}}`;

const infiniteAsText = (_key: string, value: unknown): unknown =>
  value === Number.POSITIVE_INFINITY ? 'Infinity' : value;

const wellFormed = (key: string, value: unknown): unknown =>
  typeof value === 'string' ? value.toWellFormed() : infiniteAsText(key, value);

/**
 * Only a limit may be infinite; JSON has no number for it, Mesos reads the text (mesos-v1 §1.11). Half of a surrogate pair, which
 * JSON.stringify writes as the only escapes that begin so, would make Mesos refuse the whole call.
 */
function encodeTask(info: TaskInfo): string {
  const text = info.limits === undefined ? JSON.stringify(info) : JSON.stringify(info, infiniteAsText);
  return text.includes('\\ud') ? JSON.stringify(info, wellFormed) : text;
}

/** Creates the encoder for a framework that is subscribed as `frameworkId`. */
export function createCallEncoder(frameworkId: string): CallEncoder {
  const start = (type: string, member: string): string =>
    `{"framework_id":{"value":${quote(frameworkId)}},"type":"${type}","${member}":`;
  const acceptStart = `${start('ACCEPT', 'accept')}{"offer_ids":[`;
  const declineStart = `${start('DECLINE', 'decline')}{"offer_ids":[`;
  const killStart = start('KILL', 'kill');
  const acknowledgeStart = `${start('ACKNOWLEDGE', 'acknowledge')}{"agent_id":{"value":`;
  const reconcileStart = `${start('RECONCILE', 'reconcile')}{"tasks":[`;
  const reviveStart = start('REVIVE', 'revive');
  const suppressStart = start('SUPPRESS', 'suppress');
  const filters = (refuseSeconds: number): string => `],"filters":{"refuse_seconds":${refuseSeconds}}}}`;
  return {
    accept: (offerIds, tasks, refuseSeconds) =>
      `${acceptStart}${idList(offerIds)}],"operations":[{"type":"LAUNCH","launch":{"task_infos":[${tasks
        .map(encodeTask)
        .join(',')}]}}${filters(refuseSeconds)}`,
    decline: (offerIds, refuseSeconds) => `${declineStart}${idList(offerIds)}${filters(refuseSeconds)}`,
    kill: (reference) => `${killStart}${task(reference)}}`,
    acknowledge: (taskId, agentId, uuid) =>
      `${acknowledgeStart}${quote(agentId)}},"task_id":{"value":${quote(taskId)}},"uuid":${quote(uuid)}}}`,
    reconcile: (tasks) => `${reconcileStart}${tasks.map(task).join(',')}]}}`,
    revive: (roles) => `${reviveStart}${roleList(roles)}}`,
    suppress: (roles) => `${suppressStart}${roleList(roles)}}`,
    declineInverseOffers: (inverseOfferIds, refuseSeconds) =>
      `${start('DECLINE_INVERSE_OFFERS', 'decline_inverse_offers')}{"inverse_offer_ids":[${idList(inverseOfferIds)}${filters(refuseSeconds)}`,
    updateFramework: (framework, suppressed = []) =>
      JSON.stringify({
        framework_id: { value: frameworkId },
        type: 'UPDATE_FRAMEWORK',
        update_framework: {
          framework_info: { ...framework, id: { value: frameworkId } },
          ...(suppressed.length === 0 ? {} : { suppressed_roles: suppressed }),
        },
      }),
    teardown: () => `{"framework_id":{"value":${quote(frameworkId)}},"type":"TEARDOWN"}`,
  };
}

/**
 * The body of SUBSCRIBE. A known id stands in both places, otherwise Mesos answers 400 (mesos-v1 §1.3.1). No
 * `suppressed_roles`: a new stream begins with all roles active, and whoever wants them suppressed says so again.
 */
export function encodeSubscribe(framework: Omit<FrameworkInfo, 'id'>, frameworkId: string | undefined): string {
  if (frameworkId === undefined) return JSON.stringify({ type: 'SUBSCRIBE', subscribe: { framework_info: framework } });
  const id = { value: frameworkId };
  return JSON.stringify({
    framework_id: id,
    type: 'SUBSCRIBE',
    subscribe: { framework_info: { ...framework, id } },
  });
}
