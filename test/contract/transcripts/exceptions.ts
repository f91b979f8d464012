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
  {
    at: /TASK_UPDATED\.state$/,
    only: /^12/,
    rule: 'kind',
    reason: 'the latest state: a task that ends at once may have ended by then',
  },
  { at: /\/state\.(isolation|container_engine)$/, rule: 'ignore', reason: "said by the local cluster's agents alone" },
  { at: /\.flags(\.|$)/, rule: 'ignore', reason: 'flags of a program that the local cluster is not' },
  { at: /\.executor_info\.command$/, rule: 'ignore', reason: 'there is no program that is an executor' },
  {
    at: /statistics\.(cpus_(user|system)_time_secs|mem_rss_bytes|timestamp)$/,
    rule: 'kind',
    reason: 'what processes have used',
  },
  {
    at: /(browse\[\]|file_infos\[\])\.size$/,
    only: /^12/,
    rule: 'kind',
    reason: "Mesos' executor writes into the task's stderr",
  },
  { at: /\.mtime$/, rule: 'kind', reason: 'times of files' },
  {
    at: /(headers\.location|\.(master_)?hostname|\.port|\.pid|\.address\.ip|\.ip_address|\.leader|\.url\.path)$/,
    rule: 'kind',
    reason: 'addresses: the local cluster uses other ports, and loopback addresses as host names',
  },
];

/** What came by chance: events that the local cluster may send, but need not, and answers that may hold something else. */
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
  { recording: '12-endpoints', t: [3427], reason: 'the first of three tasks that were launched together' },
  {
    recording: '12-endpoints',
    t: [5770, 5771],
    reason:
      "a task prints its environment, with ports, and files that Mesos' executor has written to; the variables: environment.ts",
  },
  { recording: '12-endpoints', t: [6814], reason: 'the executors of Mesos were still ending, a second after TEARDOWN' },
  { recording: '09-health-checks', t: [8871], reason: 'the first probe was quicker than the command it looks at' },
];

/** Lists whose order came by chance. */
export const anyOrder: readonly { readonly recording: string; readonly at: RegExp; readonly reason: string }[] = [
  {
    recording: '08c-executor-and-agent-shutdown',
    at: /\/master\/tasks\.tasks$/,
    reason: 'tasks are listed by the time of their first status, and of two launched together either may be the first',
  },
  { recording: '10-pods', at: /\/master\/tasks\.tasks$/, reason: 'likewise' },
  { recording: '12-endpoints', at: /\/master\/tasks\.tasks$/, reason: 'likewise' },
];

/** The first exception for a path. */
export function exceptionFor(path: string, recording: string): Exception | undefined {
  return exceptions.find(({ at, only }) => at.test(path) && (only === undefined || only.test(recording)));
}
