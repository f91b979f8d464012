/** The JSON of the events a master sends, each built once and without intermediate objects where there are many of them. */
import type { Labels, MesosTaskState } from '../../core/mesos/types.ts';
import { encodeBag } from '../resources/wire.ts';
import type { InverseOffer } from './maintenance.ts';
import type { MasterIdentity, OfferRecord, StatusRecord } from './model.ts';

export const mesosVersion = '1.12.0';

/** MasterInfo; `ip` is the IPv4 address as a little-endian number. */
export function masterInfo(identity: MasterIdentity): object {
  const { id, hostname, ip, port } = identity;
  const number = ip.split('.').reduce((sum, octet, i) => sum + Number(octet) * 256 ** i, 0);
  return {
    id,
    ip: number,
    port,
    pid: `master@${ip}:${port}`,
    hostname,
    version: mesosVersion,
    address: { hostname, ip, port },
    ...(identity.domain === undefined ? {} : { domain: identity.domain }),
    capabilities: [{ type: 'AGENT_UPDATE' }, { type: 'AGENT_DRAINING' }, { type: 'QUOTA_V2' }],
  };
}

export function subscribedEvent(frameworkId: string, heartbeatMs: number, identity: MasterIdentity): string {
  return JSON.stringify({
    type: 'SUBSCRIBED',
    subscribed: {
      framework_id: { value: frameworkId },
      heartbeat_interval_seconds: heartbeatMs / 1000,
      master_info: masterInfo(identity),
    },
  });
}

export const errorEvent = (message: string): string => JSON.stringify({ type: 'ERROR', error: { message } });

export const rescindEvent = (offerId: string): string =>
  JSON.stringify({ type: 'RESCIND', rescind: { offer_id: { value: offerId } } });

export const agentFailureEvent = (agentId: string): string =>
  JSON.stringify({ type: 'FAILURE', failure: { agent_id: { value: agentId } } });

/** An executor has ended; `status` is the word of wait(2). */
export function executorFailureEvent(agentId: string, executorId: string, status: number): string {
  const failure = { agent_id: { value: agentId }, executor_id: { value: executorId }, status };
  return JSON.stringify({ type: 'FAILURE', failure });
}

/** An executor has something to say to its framework, in base64. */
export function executorMessageEvent(agentId: string, executorId: string, data: string): string {
  const message = { agent_id: { value: agentId }, executor_id: { value: executorId }, data };
  return JSON.stringify({ type: 'MESSAGE', message });
}

/** One OFFERS event for several offers to one framework. */
export function offersEvent(offers: readonly OfferRecord[]): string {
  const parts = offers.map(offerJson);
  return `{"type":"OFFERS","offers":{"offers":[${parts.join(',')}]}}`;
}

/** One offer, in the form its framework wants. */
export function offerJson(offer: OfferRecord): string {
  const { agent, framework } = offer;
  const { form } = framework.capabilities;
  const planned = agent.unavailability === undefined ? '' : `,"unavailability":${JSON.stringify(agent.unavailability)}`;
  const allocation = form.withAllocation ? `,"allocation_info":{"role":${JSON.stringify(offer.role)}}` : '';
  return (
    `{"id":{"value":"${offer.id}"},"framework_id":{"value":${JSON.stringify(framework.id)}},${agent.offerHead}` +
    `,"resources":${encodeBag(offer.bag, offer.role, form)}${agent.offerTail}${executorIds(offer)}${planned}${allocation}}`
  );
}

/** The executors that the framework has on the agent. */
function executorIds({ agent, framework }: OfferRecord): string {
  if (agent.executors.size === 0) return '';
  const own = [...agent.executors].filter((executor) => executor.framework === framework);
  return own.length === 0 ? '' : `,"executor_ids":${JSON.stringify(own.map(({ id }) => ({ value: id })))}`;
}

/** One INVERSE_OFFERS event for several machines. */
export function inverseOffersEvent(offers: readonly InverseOffer[]): string {
  const parts = offers.map(({ id, framework, agent }) => ({
    id: { value: id },
    url: {
      scheme: 'http',
      address: { hostname: agent.hostname, ip: agent.ip, port: agent.port },
      path: `/slave(${agent.number})`,
    },
    framework_id: { value: framework.id },
    agent_id: { value: agent.id },
    unavailability: agent.unavailability,
  }));
  return JSON.stringify({ type: 'INVERSE_OFFERS', inverse_offers: { inverse_offers: parts } });
}

export interface StatusToSend {
  readonly taskId: string;
  readonly state: MesosTaskState;
  readonly source: string;
  readonly message?: string | undefined;
  readonly reason?: string | undefined;
  /** JSON text of the agent's id. */
  readonly agentIdJson?: string | undefined;
  readonly executorId?: string | undefined;
  readonly timestamp: number;
  readonly uuid?: string;
  readonly last?: Pick<StatusRecord, 'healthy' | 'checkStatus' | 'containerStatus'> | undefined;
  readonly unreachableNs?: number | undefined;
  readonly limitation?: unknown;
  /** In base64. */
  readonly data?: string | undefined;
  readonly labels?: Labels | undefined;
}

/** An UPDATE event; an update has a uuid exactly when it must be acknowledged. */
export function updateEvent(status: StatusToSend): string {
  const taskId = JSON.stringify(status.taskId);
  let out = `{"type":"UPDATE","update":{"status":{"task_id":{"value":${taskId}},"state":"${status.state}"`;
  if (status.message !== undefined) out += `,"message":${JSON.stringify(status.message)}`;
  out += `,"source":"${status.source}"`;
  if (status.reason !== undefined) out += `,"reason":"${status.reason}"`;
  if (status.agentIdJson !== undefined) out += `,"agent_id":{"value":${status.agentIdJson}}`;
  if (status.executorId !== undefined) out += `,"executor_id":{"value":${JSON.stringify(status.executorId)}}`;
  out += `,"timestamp":${status.timestamp}`;
  if (status.uuid !== undefined) out += `,"uuid":"${status.uuid}"`;
  const { last } = status;
  if (last?.healthy !== undefined) out += `,"healthy":${last.healthy}`;
  if (last?.checkStatus !== undefined) out += `,"check_status":${JSON.stringify(last.checkStatus)}`;
  if (last?.containerStatus !== undefined) out += `,"container_status":${JSON.stringify(last.containerStatus)}`;
  if (status.limitation !== undefined) out += `,"limitation":${JSON.stringify(status.limitation)}`;
  if (status.data !== undefined) out += `,"data":${JSON.stringify(status.data)}`;
  if (status.labels !== undefined) out += `,"labels":${JSON.stringify(status.labels)}`;
  if (status.unreachableNs !== undefined) out += `,"unreachable_time":{"nanoseconds":${status.unreachableNs}}`;
  return `${out}}}}`;
}

export interface OperationStatusToSend {
  readonly operationId: string;
  readonly state: string;
  readonly message?: string;
  /** It must be acknowledged. */
  readonly uuid?: string;
  readonly agentId?: string | undefined;
}

/** What became of an operation that carries an id (mesos-v1 §4.4). */
export function operationStatusEvent({ operationId, state, message, uuid, agentId }: OperationStatusToSend): string {
  const status = {
    operation_id: { value: operationId },
    state,
    ...(message === undefined ? {} : { message }),
    ...(uuid === undefined ? {} : { uuid: { value: uuid } }),
    ...(agentId === undefined ? {} : { agent_id: { value: agentId } }),
  };
  return JSON.stringify({ type: 'UPDATE_OPERATION_STATUS', update_operation_status: { status } });
}
