/**
 * The members of what Mesos' master and agents answer to reads, message by message, written down from the functions of Mesos 1.12 that are
 * named beside them. A kind is `string`, `number`, `integer`, `boolean`, `any`, a message of this table, `proto:X` for a message X of the
 * protocol's own definitions, or a text in quotes; behind it stand `[]` for a list and `{}` for a map by name, and `?` for a member that is
 * there only if something is set. Every other member is always there. Lists in messages of the protocol are written only if they hold
 * something.
 */
export interface Table {
  /** File and function in Mesos' sources. */
  readonly source: string;
  readonly members: Readonly<Record<string, string>>;
}

const build = {
  version: 'string',
  build_date: 'string',
  build_time: 'number',
  build_user: 'string',
  git_sha: 'string?',
  git_branch: 'string?',
  git_tag: 'string?',
};

const slaveInfo = {
  id: 'string',
  hostname: 'string',
  port: 'integer',
  attributes: 'text-or-number{}',
  domain: 'Domain?',
};

const slave = {
  ...slaveInfo,
  pid: 'string',
  registered_time: 'number',
  reregistered_time: 'number?',
  resources: 'Amounts',
  used_resources: 'Amounts',
  offered_resources: 'Amounts',
  reserved_resources: 'Amounts{}',
  unreserved_resources: 'Amounts',
  active: 'boolean',
  deactivated: 'boolean',
  version: 'string',
  capabilities: 'string[]',
  drain_info: 'DrainInfo?',
  estimated_drain_start_time_seconds: 'number?',
};

const stateCounts = Object.fromEntries(
  'STAGING STARTING RUNNING KILLING FINISHED KILLED FAILED LOST ERROR UNREACHABLE'
    .split(' ')
    .map((state) => [`TASK_${state}`, 'integer']),
);

const frameworkSummary = {
  id: 'string',
  name: 'string',
  pid: 'string?',
  used_resources: 'Amounts',
  offered_resources: 'Amounts',
  capabilities: 'string[]',
  hostname: 'string',
  webui_url: 'string',
  active: 'boolean',
  connected: 'boolean',
  recovered: 'boolean',
};

export const oldMaster = 'src/master/readonly_handler.cpp';
export const oldCommon = 'src/common/http.cpp';
export const agentHttp = 'src/slave/http.cpp';
export const proto = 'include/mesos/v1/mesos.proto';

export const oldTables: Readonly<Record<string, Table>> = {
  Version: { source: 'src/version/version.cpp version', members: build },
  State: {
    source: `${oldMaster} ReadOnlyHandler::state`,
    members: {
      ...build,
      start_time: 'number',
      elected_time: 'number?',
      id: 'string',
      pid: 'string',
      hostname: 'string',
      capabilities: 'string[]',
      activated_slaves: 'integer',
      deactivated_slaves: 'integer',
      unreachable_slaves: 'integer',
      domain: 'Domain?',
      leader: 'string?',
      leader_info: 'MasterInfo?',
      cluster: 'string?',
      log_dir: 'string?',
      external_log_file: 'string?',
      flags: 'string{}',
      slaves: 'Slave[]',
      recovered_slaves: 'SlaveInfo[]',
      frameworks: 'Framework[]',
      completed_frameworks: 'Framework[]',
      orphan_tasks: 'any[]',
      unregistered_frameworks: 'any[]',
    },
  },
  MasterInfo: {
    source: `${oldCommon} json(MasterInfo)`,
    members: { id: 'string', pid: 'string', port: 'integer', hostname: 'string', domain: 'Domain?' },
  },
  Domain: { source: `${oldCommon} json(DomainInfo)`, members: { fault_domain: 'FaultDomain?' } },
  FaultDomain: { source: `${oldCommon} json(FaultDomain)`, members: { region: 'Named', zone: 'Named' } },
  Named: { source: `${oldCommon} json(RegionInfo), json(ZoneInfo)`, members: { name: 'string' } },
  SlaveInfo: { source: `${oldCommon} json(SlaveInfo)`, members: slaveInfo },
  Slave: { source: `${oldMaster} SlaveWriter`, members: slave },
  FullSlave: {
    source: `${oldMaster} SlavesWriter::writeSlave`,
    members: {
      ...slave,
      reserved_resources_full: 'EndpointResources{}',
      unreserved_resources_full: 'proto:Resource[]',
      used_resources_full: 'proto:Resource[]',
      offered_resources_full: 'proto:Resource[]',
    },
  },
  Slaves: {
    source: `${oldMaster} ReadOnlyHandler::slaves`,
    members: { slaves: 'FullSlave[]', recovered_slaves: 'SlaveInfo[]' },
  },
  DrainInfo: { source: `${proto} DrainInfo`, members: { state: '"DRAINING|DRAINED"', config: 'DrainConfig' } },
  DrainConfig: {
    source: `${proto} DrainConfig`,
    members: { max_grace_period: 'proto:Duration?', mark_gone: 'boolean' },
  },
  Frameworks: {
    source: `${oldMaster} ReadOnlyHandler::frameworks`,
    members: { frameworks: 'Framework[]', completed_frameworks: 'Framework[]', unregistered_frameworks: 'any[]' },
  },
  Framework: {
    source: `${oldMaster} FullFrameworkWriter`,
    members: {
      ...frameworkSummary,
      user: 'string',
      failover_timeout: 'number',
      checkpoint: 'boolean',
      registered_time: 'number',
      unregistered_time: 'number',
      principal: 'string?',
      resources: 'Amounts',
      reregistered_time: 'number?',
      roles: 'string[]?',
      role: 'string?',
      tasks: 'Task[]',
      unreachable_tasks: 'Task[]',
      completed_tasks: 'Task[]',
      offers: 'Offer[]',
      executors: 'ExecutorInfo[]',
      labels: 'proto:Label[]?',
      offer_constraints: 'proto:OfferConstraints',
    },
  },
  Offer: {
    source: `${oldCommon} json(Offer)`,
    members: {
      id: 'string',
      framework_id: 'string',
      allocation_info: 'proto:AllocationInfo',
      slave_id: 'string',
      resources: 'Amounts',
    },
  },
  ExecutorInfo: {
    source: `${oldCommon} json(ExecutorInfo), slave_id by FullFrameworkWriter`,
    members: {
      executor_id: 'string',
      name: 'string',
      framework_id: 'string',
      command: 'Command',
      resources: 'Amounts',
      role: 'string?',
      labels: 'proto:Label[]?',
      type: 'string?',
      slave_id: 'string',
    },
  },
  Command: {
    source: `${oldCommon} json(CommandInfo)`,
    members: {
      shell: 'boolean?',
      value: 'string?',
      argv: 'string[]',
      environment: 'proto:Environment?',
      uris: 'CommandUri[]',
    },
  },
  CommandUri: { source: `${oldCommon} json(CommandInfo)`, members: { value: 'string', executable: 'boolean' } },
  Task: {
    source: `${oldCommon} json(Task)`,
    members: {
      id: 'string',
      name: 'string',
      framework_id: 'string',
      executor_id: 'string',
      slave_id: 'string',
      state: 'string',
      resources: 'Amounts',
      limits: 'number{}?',
      role: 'string',
      statuses: 'Status[]',
      user: 'string?',
      labels: 'proto:Label[]?',
      discovery: 'proto:DiscoveryInfo?',
      container: 'proto:ContainerInfo?',
      health_check: 'proto:HealthCheck?',
    },
  },
  Tasks: { source: `${oldMaster} ReadOnlyHandler::tasks`, members: { tasks: 'Task[]' } },
  Status: {
    source: `${oldCommon} json(TaskStatus)`,
    members: {
      state: 'string',
      timestamp: 'number',
      labels: 'proto:Label[]?',
      container_status: 'ContainerStatus?',
      healthy: 'boolean?',
    },
  },
  ContainerStatus: {
    source: `${oldCommon} json(ContainerStatus)`,
    members: { container_id: 'ContainerId?', network_infos: 'proto:NetworkInfo[]?', cgroup_info: 'any?' },
  },
  ContainerId: { source: `${proto} ContainerID`, members: { value: 'string', parent: 'ContainerId?' } },
  Summary: {
    source: `${oldMaster} ReadOnlyHandler::stateSummary`,
    members: { hostname: 'string', cluster: 'string?', slaves: 'SlaveSummary[]', frameworks: 'FrameworkSummary[]' },
  },
  SlaveSummary: {
    source: `${oldMaster} ReadOnlyHandler::stateSummary`,
    members: { ...slave, ...stateCounts, framework_ids: 'string[]' },
  },
  FrameworkSummary: {
    source: `${oldMaster} json(Summary<Framework>), ReadOnlyHandler::stateSummary`,
    members: { ...frameworkSummary, ...stateCounts, slave_ids: 'string[]' },
  },
  Roles: { source: `${oldMaster} ReadOnlyHandler::roles`, members: { roles: 'Role[]' } },
  Role: {
    source: `${oldMaster} ReadOnlyHandler::roles`,
    members: {
      name: 'string',
      weight: 'number',
      quota: 'Quota',
      resources: 'number{}',
      allocated: 'number{}',
      offered: 'number{}',
      reserved: 'number{}',
      frameworks: 'string[]',
    },
  },
  Quota: {
    source: `${oldMaster} ReadOnlyHandler::roles`,
    members: { role: 'string', guarantee: 'number{}', limit: 'number{}', consumed: 'number{}' },
  },
  Flags: { source: 'src/master/http.cpp Http::__flags', members: { flags: 'string{}' } },
  AgentState: {
    source: `${agentHttp} Http::state`,
    members: {
      ...build,
      start_time: 'number',
      id: 'string',
      pid: 'string',
      hostname: 'string',
      capabilities: 'string[]',
      domain: 'Domain?',
      drain_config: 'DrainConfig?',
      estimated_drain_start_time_seconds: 'integer?',
      resources: 'Amounts',
      reserved_resources: 'Amounts{}',
      unreserved_resources: 'Amounts',
      reserved_resources_full: 'EndpointResources{}',
      unreserved_resources_full: 'proto:Resource[]',
      reserved_resources_allocated: 'Amounts{}',
      unreserved_resources_allocated: 'Amounts',
      resource_providers: 'any[]',
      attributes: 'text-or-number{}',
      master_hostname: 'string?',
      log_dir: 'string?',
      external_log_file: 'string?',
      flags: 'string{}',
      frameworks: 'AgentFramework[]',
      completed_frameworks: 'AgentFramework[]',
      // The local cluster's own: why limits are not enforced, and why there are no containers.
      isolation: 'string?',
      container_engine: 'string?',
    },
  },
  AgentFramework: {
    source: `${agentHttp} FrameworkWriter`,
    members: {
      id: 'string',
      name: 'string',
      user: 'string',
      failover_timeout: 'number',
      checkpoint: 'boolean',
      hostname: 'string',
      principal: 'string?',
      roles: 'string[]?',
      role: 'string?',
      executors: 'AgentExecutor[]',
      completed_executors: 'AgentExecutor[]',
    },
  },
  AgentExecutor: {
    source: `${agentHttp} ExecutorWriter`,
    members: {
      id: 'string',
      name: 'string',
      source: 'string',
      container: 'string',
      directory: 'string',
      resources: 'Amounts',
      role: 'string?',
      labels: 'proto:Label[]?',
      type: 'string?',
      tasks: 'Task[]',
      queued_tasks: 'any[]',
      completed_tasks: 'Task[]',
    },
  },
  Container: {
    source: `${agentHttp} Http::__containers`,
    members: {
      framework_id: 'string',
      executor_id: 'string',
      executor_name: 'string',
      source: 'string',
      container_id: 'string',
      status: 'V1ContainerStatus?',
      statistics: 'any?',
    },
  },
  Statistics: {
    source: `${agentHttp} Http::_statistics`,
    members: {
      framework_id: 'string',
      executor_id: 'string',
      executor_name: 'string',
      source: 'string',
      statistics: 'any',
    },
  },
};
