/** What the simulated cluster serves to a trivial client: offers, launches and acknowledgements a second. */
import { type BareMesos, subscribeBare, type WireOffer, type WireStatus } from './bare-mesos.ts';
import { get, residentMiB } from './commands.ts';
import { withSimulatedCluster } from './mesos-offers.ts';
import { type Measured, meter, print } from './meter.ts';

export interface LimitOptions {
  readonly agents: number;
  /** At most 160 for each agent. */
  readonly tasks: number;
  readonly tasksPerAccept?: number;
}

/** Each offer is made so often. */
const rounds = 20;
const taskCpus = 0.1;
const environment = Array.from({ length: 12 }, (_, i) => ({ name: `VARIABLE_${i}`, value: `value-${i}` }));

/** Prints three figures of one cluster. */
export async function clusterLimits(benchmark: string, options: LimitOptions): Promise<void> {
  const { agents, tasks, tasksPerAccept = 10 } = options;
  await withSimulatedCluster(agents, [], async (cluster) => {
    const port = Number(cluster.address.slice(cluster.address.lastIndexOf(':') + 1));
    const client = await subscribeBare(port);
    const tell = (figure: string, units: number, measured: Measured, more: object = {}): void =>
      print(benchmark, `the cluster alone: ${figure}`, { agents, units, ...measured, ...more });
    const offers = agents * rounds;
    const first = new Promise<readonly WireOffer[]>((resolve) => gather(client, agents, resolve));
    const offered = await first;
    tell('offers made', offers, await meter(offers, () => offersInRounds(client, offered, agents), cluster.pid));
    const statuses = new Map<string, WireStatus>();
    tell(
      'launches',
      tasks,
      await meter(tasks, () => launchAll(client, { tasks, tasksPerAccept }, statuses), cluster.pid),
      {
        tasksPerAccept,
      },
    );
    const acknowledge = async (): Promise<void> => {
      let sent = 0;
      for (const status of statuses.values()) {
        client.acknowledge(status);
        if (++sent % 250 === 0) await new Promise(setImmediate);
      }
      while (client.answers().acknowledgements < tasks) await new Promise((resolve) => setTimeout(resolve, 1));
    };
    const measured = await meter(tasks, acknowledge, cluster.pid);
    const figures = (await get(`${cluster.url}/metrics/snapshot`)) as Record<string, number>;
    const { refused } = client.answers();
    const valid = figures['master/valid_status_update_acknowledgements'];
    const left = figures['local/unacknowledged_tasks'];
    if (refused > 0 || valid !== tasks || left !== 0) {
      throw new Error(`${refused} calls refused, ${valid} of ${tasks} acknowledgements valid, ${left} left`);
    }
    tell('acknowledgements taken', tasks, measured, { clusterRssMiB: residentMiB(cluster.pid) });
    client.end();
  });
}

/** The next offers, until so many are there. */
function gather(client: BareMesos, count: number, done: (offers: readonly WireOffer[]) => void): void {
  const gathered: WireOffer[] = [];
  client.offers = (offers) => {
    gathered.push(...offers);
    if (gathered.length >= count) done(gathered);
  };
}

const idsOf = (offers: readonly WireOffer[]): string => offers.map(({ id }) => `{"value":"${id.value}"}`).join(',');

/** All are given back and asked for again, round by round. */
async function offersInRounds(client: BareMesos, first: readonly WireOffer[], agents: number): Promise<void> {
  let offers = first;
  for (let round = 0; round < rounds; round++) {
    const held = offers;
    offers = await new Promise<readonly WireOffer[]>((resolve) => {
      gather(client, agents, resolve);
      client.call('DECLINE', `,"decline":{"offer_ids":[${idsOf(held)}],"filters":{"refuse_seconds":0}}`);
      client.call('REVIVE', '');
    });
  }
  // The launches begin with offers of their own.
  client.offers = () => {};
  client.call('DECLINE', `,"decline":{"offer_ids":[${idsOf(offers)}],"filters":{"refuse_seconds":0}}`);
}

/** Launches on every offer until all run; keeps the updates, which wait for their acknowledgement. */
function launchAll(
  client: BareMesos,
  { tasks, tasksPerAccept }: { readonly tasks: number; readonly tasksPerAccept: number },
  statuses: Map<string, WireStatus>,
): Promise<void> {
  let launched = 0;
  return new Promise((resolve, reject) => {
    client.offers = (offers) => {
      for (const offer of offers) {
        launched += accept(client, offer, launched, Math.min(tasksPerAccept, tasks - launched));
      }
      // What is left of the offers would wait for the next tick, and that would be what is measured.
      if (launched < tasks) client.call('REVIVE', '');
    };
    client.update = (status) => {
      if (status.state !== 'TASK_RUNNING') reject(new Error(`unexpected ${JSON.stringify(status)}`));
      // What waits for its acknowledgement for long is sent again.
      if (!statuses.has(status.task_id.value)) statuses.set(status.task_id.value, status);
      if (statuses.size === tasks) resolve();
    };
    client.call('REVIVE', '');
  });
}

function accept(client: BareMesos, offer: WireOffer, from: number, wanted: number): number {
  const cpus = offer.resources.find(({ name }) => name === 'cpus')?.scalar?.value ?? 0;
  const ports = offer.resources.flatMap(({ ranges }) => ranges?.range ?? []).flatMap((range) => portsOf(range, wanted));
  const count = Math.min(Math.floor(cpus / taskCpus + 1e-6), ports.length, wanted);
  const infos = ports.slice(0, count).map((port, n) => taskJson(`bench.${from + n}`, offer.agent_id.value, port));
  const operation = `{"type":"LAUNCH","launch":{"task_infos":[${infos.join(',')}]}}`;
  const operations = count === 0 ? '' : `,"operations":[${operation}]`;
  client.call('ACCEPT', `,"accept":{"offer_ids":[${idsOf([offer])}]${operations},"filters":{"refuse_seconds":0}}`);
  return count;
}

const portsOf = ({ begin, end }: { readonly begin: number; readonly end: number }, wanted: number): number[] =>
  Array.from({ length: Math.min(end - begin + 1, wanted) }, (_, i) => begin + i);

const taskJson = (id: string, agentId: string, port: number): string =>
  JSON.stringify({
    name: 'bench',
    task_id: { value: id },
    agent_id: { value: agentId },
    resources: [
      { name: 'cpus', type: 'SCALAR', scalar: { value: taskCpus } },
      { name: 'mem', type: 'SCALAR', scalar: { value: 32 } },
      { name: 'ports', type: 'RANGES', ranges: { range: [{ begin: port, end: port }] } },
    ],
    command: { shell: true, value: 'sleep 1000', environment: { variables: environment } },
    labels: { labels: [{ key: 'team', value: 'bench' }] },
  });
