/**
 * What the simulated cluster serves to a trivial client over pipelined connections, the cluster in its own process: offers, launches and
 * acknowledgements a second. Prints one JSON line for each figure. Usage:
 *
 *     npm run bench -- local-mesos [--tasks 100000] [--agents 2000] [--per_accept 10]
 */
import { parseArgs } from 'node:util';
import { clusterLimits } from './support/cluster-limits.ts';

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '100000' },
    agents: { type: 'string', default: '2000' },
    per_accept: { type: 'string', default: '10' },
  },
});

await clusterLimits('local-mesos', {
  agents: Number(values.agents),
  tasks: Number(values.tasks),
  tasksPerAccept: Number(values.per_accept),
});
