/** The form of scheduler calls, as far as the master reads them, for `convert` (mesos-v1 §1.11, §2, §3). */
import { callTypes } from '../master/calls.ts';
import { bool, bytes, enumOf, type Fields, message, num, opaque, repeated, required, str } from './convert.ts';

const id = message({ value: required(str) });
const value = message({ value: required(num) });

const resource: Fields = {
  name: required(str),
  type: required(enumOf(['SCALAR', 'RANGES', 'SET', 'TEXT'])),
  scalar: value,
  ranges: message({ range: repeated(message({ begin: required(num), end: required(num) })) }),
  set: message({ item: repeated(str) }),
  role: str,
  allocation_info: message({ role: str }),
  reservation: opaque,
  reservations: repeated(message({ type: enumOf(['STATIC', 'DYNAMIC']), role: str, principal: str })),
  disk: opaque,
  revocable: opaque,
  shared: opaque,
};

const command: Fields = {
  uris: repeated(message({ value: required(str), executable: bool, extract: bool, cache: bool, output_file: str })),
  environment: message({
    variables: repeated(message({ name: required(str), type: enumOf(['VALUE', 'SECRET']), value: str })),
  }),
  shell: bool,
  value: str,
  arguments: repeated(str),
  user: str,
};

const healthCheck: Fields = {
  type: enumOf(['COMMAND', 'HTTP', 'TCP']),
  command: message(command),
  http: message({ port: required(num), scheme: str, path: str, protocol: str, statuses: repeated(num) }),
  tcp: message({ port: required(num), protocol: str }),
  delay_seconds: num,
  interval_seconds: num,
  timeout_seconds: num,
  consecutive_failures: num,
  grace_period_seconds: num,
};

const executor: Fields = {
  type: enumOf(['DEFAULT', 'CUSTOM', 'UNKNOWN']),
  executor_id: required(id),
  framework_id: id,
  command: message(command),
  container: opaque,
  resources: repeated(message(resource)),
  name: str,
  source: str,
  data: bytes,
  discovery: opaque,
  shutdown_grace_period: message({ nanoseconds: required(num) }),
  labels: opaque,
};

const task: Fields = {
  name: required(str),
  task_id: required(id),
  agent_id: required(id),
  resources: repeated(message(resource)),
  limits: opaque,
  command: message(command),
  executor: message(executor),
  container: opaque,
  labels: opaque,
  health_check: message(healthCheck),
  check: opaque,
  kill_policy: message({ grace_period: message({ nanoseconds: required(num) }) }),
  max_completion_time: message({ nanoseconds: required(num) }),
  discovery: opaque,
  data: bytes,
};

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

const frameworkInfo: Fields = {
  user: required(str),
  name: required(str),
  id,
  failover_timeout: num,
  checkpoint: bool,
  role: str,
  roles: repeated(str),
  hostname: str,
  webui_url: str,
  principal: str,
  capabilities: repeated(message({ type: str })),
  labels: opaque,
};

const filters = message({ refuse_seconds: num });
const offerIds = repeated(id);
const subscribe: Fields = {
  framework_info: required(message(frameworkInfo)),
  suppressed_roles: repeated(str),
  offer_constraints: opaque,
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
    kill_policy: message({ grace_period: message({ nanoseconds: required(num) }) }),
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
