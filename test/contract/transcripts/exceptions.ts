/** Everything in which the local cluster may differ from the recordings, and why. Nothing else is left out of the comparison. */

export interface Exception {
  /** The path of a member, such as `UPDATE.status.message`. */
  readonly at: RegExp;
  /** Only in these recordings. */
  readonly only?: RegExp;
  /** `kind`: present in both or in neither, and of the same type. `ignore`: not compared. */
  readonly rule: 'kind' | 'ignore';
  readonly reason: string;
}

export const exceptions: readonly Exception[] = [
  { at: /\.message$/, rule: 'kind', reason: 'free text' },
  { at: /(\.timestamp|_time|\.nanoseconds)$/, rule: 'kind', reason: 'times' },
  {
    at: /\.executor_pid$/,
    rule: 'ignore',
    reason: 'process ids; a program that cannot be started has no process here, where no executor stands beside it',
  },
  { at: /\.(git_sha|build_date|build_user|build_time)$/, rule: 'ignore', reason: 'the build is another one' },
  {
    at: /container_status\.network_infos$/,
    only: /^(08c|10)/,
    rule: 'ignore',
    reason: 'of a nested container the agent knows the address a moment after its first update, or before it',
  },
  { at: /\/tasks\.tasks\[\]\.statuses$/, only: /^08d/, rule: 'ignore', reason: 'updates that came twice, see below' },
  { at: /\/containers\[\]\.statistics$/, rule: 'ignore', reason: 'what containers use is not measured here' },
  {
    at: /\/files\/(read\.data|browse\[\]\.size)$/,
    only: /^12/,
    rule: 'kind',
    reason: 'files that the programs of Mesos write too; and the environment of this machine',
  },
  {
    at: /^TASK_UPDATED\.state$/,
    only: /^12/,
    rule: 'kind',
    reason: 'the latest state: a task that ends at once may have ended by then',
  },
  { at: /\.flags(\.|$)/, rule: 'ignore', reason: 'flags of a program that the local cluster is not' },
  { at: /\.mtime$/, rule: 'kind', reason: 'times of files' },
  {
    at: /(headers\.location|\.hostname|\.master_hostname|\.port|\.pid|\.address\.ip|\.ip_address|\.leader|\.url\.path)$/,
    rule: 'kind',
    reason: 'addresses: the local cluster uses other ports, and loopback addresses as host names',
  },
];

/** Events that came by chance: the local cluster may send them, but need not. */
export const byChance: readonly {
  readonly recording: string;
  readonly t: readonly number[];
  readonly reason: string;
}[] = [
  {
    recording: '08d-agent-frozen',
    t: [7798, 7804],
    reason: 'the same update twice: the agent sends it while it registers, and again because it has registered',
  },
  { recording: '08e-launch-lost', t: [6547], reason: 'likewise' },
  { recording: '09-health-checks', t: [8871], reason: 'the first probe was quicker than the command it looks at' },
];

/** Requests that are not sent, by method and path, because there is nothing that could answer them as recorded. */
export const notAsked: readonly {
  readonly recording: string;
  readonly target?: 'agent';
  readonly request: RegExp;
  /** Only from this moment of the recording on. */
  readonly fromMs?: number;
  readonly reason: string;
}[] = [
  {
    recording: '12-endpoints',
    target: 'agent',
    request: /^GET \/(state|containers|metrics\/snapshot)$/,
    reason: "the first agent has the address of the master, and these paths are the master's there",
  },
  {
    recording: '12-endpoints',
    target: 'agent',
    request: /^GET \/(monitor\/statistics|files\/debug)$/,
    reason: 'what containers use is not measured; there is no table of virtual paths',
  },
  { recording: '12-endpoints', target: 'agent', request: /^POST /, reason: 'agents have no operator API' },
  {
    recording: '12-endpoints',
    target: 'agent',
    request: /\/state$/,
    fromMs: 6800,
    reason: 'how long an agent lists executors that are being shut down is chance',
  },
  {
    recording: '12-endpoints',
    request: /limit=1&order=asc$/,
    reason: 'of three tasks launched together any may be the first',
  },
  { recording: '12-endpoints', request: /^GET \/system\/stats\.json$/, reason: 'figures of the library under Mesos' },
];

/** Lists whose order came by chance. */
export const anyOrder: readonly { readonly recording: string; readonly at: RegExp; readonly reason: string }[] = [
  {
    recording: '08c-executor-and-agent-shutdown',
    at: /\/master\/tasks\.tasks$/,
    reason: 'tasks are listed by the time of their first status, and of two launched together either may be the first',
  },
  { recording: '12-endpoints', at: /\/master\/tasks\.tasks$/, reason: 'likewise' },
  {
    recording: '12-endpoints',
    at: /\/(slave\(1\)\/containers|executors)$/,
    reason: 'the order of a hash table',
  },
];

/** The first exception for a path. */
export function exceptionFor(path: string, recording: string): Exception | undefined {
  return exceptions.find(({ at, only }) => at.test(path) && (only === undefined || only.test(recording)));
}
