/** The form of tasks, executors and resources in calls, for `convert` (mesos-v1 §3.4, §3.6, §3.7). */
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

export const id = message({ value: required(str) });
const value = message({ value: required(num) });
const nanoseconds = message({ nanoseconds: required(num) });
const parameters = repeated(message({ key: required(str), value: required(str) }));

export const labels = message({ labels: repeated(message({ key: required(str), value: str })) });

const volume = message({
  mode: required(enumOf(['RW', 'RO'])),
  container_path: required(str),
  host_path: str,
  image: opaque,
  source: message({
    type: enumOf(['UNKNOWN', 'DOCKER_VOLUME', 'HOST_PATH', 'SANDBOX_PATH', 'SECRET', 'CSI_VOLUME']),
    docker_volume: message({ driver: str, name: required(str), driver_options: message({ parameter: parameters }) }),
    host_path: message({ path: required(str), mount_propagation: opaque }),
    sandbox_path: message({ type: enumOf(['UNKNOWN', 'SELF', 'PARENT']), path: required(str) }),
    secret: opaque,
    csi_volume: opaque,
  }),
});

const reservation: Fields = { type: enumOf(['STATIC', 'DYNAMIC']), role: str, principal: str, labels };

export const resource: Fields = {
  name: required(str),
  type: required(enumOf(['SCALAR', 'RANGES', 'SET', 'TEXT'])),
  scalar: value,
  ranges: message({ range: repeated(message({ begin: required(num), end: required(num) })) }),
  set: message({ item: repeated(str) }),
  role: str,
  allocation_info: message({ role: str }),
  reservation: message(reservation),
  reservations: repeated(message(reservation)),
  disk: message({
    persistence: message({ id: required(str), principal: str }),
    volume,
    source: message({
      type: required(enumOf(['UNKNOWN', 'PATH', 'MOUNT', 'BLOCK', 'RAW'])),
      path: message({ root: str }),
      mount: message({ root: str }),
      vendor: str,
      id: str,
      metadata: labels,
      profile: str,
    }),
  }),
  revocable: opaque,
  shared: opaque,
};

const command: Fields = {
  uris: repeated(
    message({ value: required(str), executable: bool, extract: byDefault(bool, true), cache: bool, output_file: str }),
  ),
  environment: message({
    variables: repeated(
      message({
        name: required(str),
        type: byDefault(enumOf(['VALUE', 'SECRET']), 'VALUE'),
        value: str,
        secret: opaque,
      }),
    ),
  }),
  shell: byDefault(bool, true),
  value: str,
  arguments: repeated(str),
  user: str,
};

const kinds = enumOf(['COMMAND', 'HTTP', 'TCP']);

const healthCheck: Fields = {
  type: kinds,
  command: message(command),
  http: message({ port: required(num), scheme: str, path: str, protocol: str, statuses: repeated(num) }),
  tcp: message({ port: required(num), protocol: str }),
  delay_seconds: num,
  interval_seconds: num,
  timeout_seconds: num,
  consecutive_failures: num,
  grace_period_seconds: num,
};

const check: Fields = {
  type: kinds,
  command: message({ command: required(message(command)) }),
  http: message({ port: required(num), path: str }),
  tcp: message({ port: required(num) }),
  delay_seconds: num,
  interval_seconds: num,
  timeout_seconds: num,
};

const portMappings = repeated(message({ host_port: required(num), container_port: required(num), protocol: str }));

export const container: Fields = {
  type: required(enumOf(['DOCKER', 'MESOS'])),
  volumes: repeated(volume),
  hostname: str,
  docker: message({
    image: required(str),
    network: byDefault(enumOf(['HOST', 'BRIDGE', 'NONE', 'USER']), 'HOST'),
    port_mappings: portMappings,
    privileged: byDefault(bool, false),
    parameters,
    force_pull_image: bool,
    volume_driver: str,
  }),
  mesos: message({
    image: message({
      type: required(enumOf(['APPC', 'DOCKER'])),
      appc: opaque,
      docker: message({ name: required(str), config: opaque }),
      cached: byDefault(bool, true),
    }),
  }),
  network_infos: repeated(
    message({
      ip_addresses: repeated(message({ protocol: byDefault(str, 'IPv4'), ip_address: str })),
      name: str,
      groups: repeated(str),
      labels,
      port_mappings: portMappings,
    }),
  ),
  linux_info: opaque,
  rlimit_info: message({
    rlimits: repeated(message({ type: enumOf(rlimits()), hard: num, soft: num })),
  }),
  tty_info: opaque,
};

function rlimits(): readonly string[] {
  const names = 'AS CORE CPU DATA FSIZE LOCKS MEMLOCK MSGQUEUE NICE NOFILE NPROC RSS RTPRIO RTTIME SIGPENDING STACK';
  return names.split(' ').map((name) => `RLMT_${name}`);
}

const visibilities = enumOf(['FRAMEWORK', 'CLUSTER', 'EXTERNAL']);

export const discovery: Fields = {
  visibility: required(visibilities),
  name: str,
  environment: str,
  location: str,
  version: str,
  ports: message({
    ports: repeated(message({ number: required(num), name: str, protocol: str, visibility: visibilities, labels })),
  }),
  labels,
};

export const executor: Fields = {
  type: enumOf(['DEFAULT', 'CUSTOM', 'UNKNOWN']),
  executor_id: required(id),
  framework_id: id,
  command: message(command),
  container: message(container),
  resources: repeated(message(resource)),
  name: str,
  source: str,
  data: bytes,
  discovery: message(discovery),
  shutdown_grace_period: nanoseconds,
  labels,
};

export const killPolicy = message({ grace_period: nanoseconds });

export const task: Fields = {
  name: required(str),
  task_id: required(id),
  agent_id: required(id),
  resources: repeated(message(resource)),
  limits: mapOf({ value: required(num) }),
  command: message(command),
  executor: message(executor),
  container: message(container),
  labels,
  health_check: message(healthCheck),
  check: message(check),
  kill_policy: killPolicy,
  max_completion_time: nanoseconds,
  discovery: message(discovery),
  data: bytes,
};
