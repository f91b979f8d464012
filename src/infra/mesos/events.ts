/** Scheduler events as they come over the wire, and what the actors are told of them (mesos-v1 §2.3). */
import type { MesosEvent } from '../../actors/ports.ts';
import type { MasterInfo, Offer, TaskStatus, Value } from '../../core/mesos/types.ts';

/** One record of the stream, read by `parseExact`. */
export interface WireEvent {
  readonly type?: string;
  readonly subscribed?: {
    readonly framework_id?: Value<string>;
    readonly heartbeat_interval_seconds?: number;
    readonly master_info?: MasterInfo;
  };
  readonly offers?: { readonly offers?: readonly Offer[] };
  readonly rescind?: { readonly offer_id?: Value<string> };
  readonly update?: { readonly status?: TaskStatus };
  readonly failure?: {
    readonly agent_id?: Value<string>;
    readonly executor_id?: Value<string>;
    readonly status?: number;
  };
  readonly message?: {
    readonly agent_id?: Value<string>;
    readonly executor_id?: Value<string>;
    readonly data?: string;
  };
  readonly inverse_offers?: { readonly inverse_offers?: readonly { readonly id?: Value<string> }[] };
  readonly error?: { readonly message?: string };
}

/** The event for the actors; nothing for types that the link handles itself, does not know, or that lack their body. */
export function toMesosEvent(wire: WireEvent): MesosEvent | undefined {
  switch (wire.type) {
    case 'UPDATE':
      return wire.update?.status && { type: 'statusUpdate', status: wire.update.status };
    case 'OFFERS':
      return { type: 'offers', offers: wire.offers?.offers ?? [] };
    case 'RESCIND':
      return wire.rescind?.offer_id && { type: 'rescinded', offerId: wire.rescind.offer_id.value };
    case 'FAILURE':
      return {
        type: 'agentFailure',
        agentId: wire.failure?.agent_id?.value,
        executorId: wire.failure?.executor_id?.value,
        status: wire.failure?.status,
      };
    case 'MESSAGE': {
      const { agent_id, executor_id, data } = wire.message ?? {};
      if (agent_id === undefined || executor_id === undefined) return undefined;
      return { type: 'frameworkMessage', agentId: agent_id.value, executorId: executor_id.value, data: data ?? '' };
    }
    default:
      return undefined;
  }
}
