/** The form of scheduler calls, as far as the master reads them, for `convert` (mesos-v1 §1.11, §2, §3). */
import { callTypes } from '../master/calls.ts';
import {
  bool,
  byDefault,
  bytes,
  enumOf,
  type Fields,
  mapOf,
  message,
  num,
  opaque,
  repeated,
  required,
  str,
} from './convert.ts';
import { executor, id, killPolicy, labels, resource, task } from './task-schema.ts';

const operation: Fields = {
  type: enumOf([
    'LAUNCH',
    'LAUNCH_GROUP',
    'RESERVE',
    'UNRESERVE',
    'CREATE',
    'DESTROY',
    'GROW_VOLUME',
    'SHRINK_VOLUME',
    'CREATE_DISK',
    'DESTROY_DISK',
  ]),
  id,
  reserve: message({ resources: repeated(message(resource)) }),
  unreserve: message({ resources: repeated(message(resource)) }),
  create: message({ volumes: repeated(message(resource)) }),
  destroy: message({ volumes: repeated(message(resource)) }),
  launch: message({ task_infos: repeated(message(task)) }),
  launch_group: message({
    executor: required(message(executor)),
    task_group: required(message({ tasks: repeated(message(task)) })),
  }),
};

const text = message({ value: required(str) });
const regex = message({ regex: required(str) });

const constraintGroup = message({
  attribute_constraints: repeated(
    message({
      selector: required(
        message({ attribute_name: str, pseudoattribute_type: enumOf(['HOSTNAME', 'REGION', 'ZONE']) }),
      ),
      predicate: required(
        message({
          exists: opaque,
          not_exists: opaque,
          text_equals: text,
          text_not_equals: text,
          text_matches: regex,
          text_not_matches: regex,
        }),
      ),
    }),
  ),
});

const capabilities = [
  'REVOCABLE_RESOURCES',
  'TASK_KILLING_STATE',
  'GPU_RESOURCES',
  'SHARED_RESOURCES',
  'PARTITION_AWARE',
  'MULTI_ROLE',
  'RESERVATION_REFINEMENT',
  'REGION_AWARE',
];

export const frameworkInfo: Fields = {
  user: required(str),
  name: required(str),
  id,
  failover_timeout: byDefault(num, 0),
  checkpoint: byDefault(bool, false),
  role: str,
  roles: repeated(str),
  hostname: str,
  webui_url: str,
  principal: str,
  capabilities: repeated(message({ type: enumOf(capabilities) })),
  offer_filters: mapOf({
    min_allocatable_resources: message({
      quantities: repeated(message({ quantities: mapOf({ value: required(num) }) })),
    }),
  }),
  labels,
};

const filters = message({ refuse_seconds: num });
const offerIds = repeated(id);
const subscribe: Fields = {
  framework_info: required(message(frameworkInfo)),
  suppressed_roles: repeated(str),
  offer_constraints: message({ role_constraints: mapOf({ groups: repeated(constraintGroup) }) }),
};
const reconciled: Fields = { task_id: required(id), agent_id: id };

export const callSchema: Fields = {
  type: enumOf(callTypes),
  framework_id: id,
  subscribe: message(subscribe),
  update_framework: message(subscribe),
  accept: message({ offer_ids: offerIds, operations: repeated(message(operation)), filters }),
  decline: message({ offer_ids: offerIds, filters }),
  accept_inverse_offers: message({ inverse_offer_ids: offerIds, filters }),
  decline_inverse_offers: message({ inverse_offer_ids: offerIds, filters }),
  revive: message({ roles: repeated(str) }),
  suppress: message({ roles: repeated(str) }),
  kill: message({
    task_id: required(id),
    agent_id: id,
    kill_policy: killPolicy,
  }),
  shutdown: message({ executor_id: required(id), agent_id: required(id) }),
  acknowledge: message({ agent_id: required(id), task_id: required(id), uuid: required(bytes) }),
  acknowledge_operation_status: message({ agent_id: id, uuid: required(bytes), operation_id: required(id) }),
  reconcile: message({ tasks: repeated(message(reconciled)) }),
  reconcile_operations: message({
    operations: repeated(message({ operation_id: required(id), agent_id: id, resource_provider_id: id })),
  }),
  message: message({ agent_id: required(id), executor_id: required(id), data: required(bytes) }),
  request: opaque,
};
