/**
 * The local cluster as a process of its own whose agents and master can be hurt on command, real tasks or simulated ones. Usage:
 * node cluster-host.mjs '{"port":0,"controlPort":0,"workDir":"…","agents":3,"simulate":false,"settings":{…}}'. It says where the
 * cluster and its control are; the control takes what a simulated cluster takes below /simulate (see simulate/control-endpoint).
 */
import { createServer } from 'node:http';
import { startLocalMesos } from '../../../dist/local-mesos/cluster.js';
import { controlEndpoint } from '../../../dist/local-mesos/simulate/control-endpoint.js';

const { controlPort, ...options } = JSON.parse(process.argv[2]);
/** Stands in where tasks are processes: those are hurt as processes. */
const noSimulation = {
  behaviour: {},
  size: 0,
  change: () => 'tasks are not simulated',
  command: () => false,
  taskIds: () => [],
};
const log = { info: (line) => process.stderr.write(`${line}\n`), warn: (line) => process.stderr.write(`${line}\n`) };

const cluster = await startLocalMesos({ ...options, log });
const endpoint = controlEndpoint(cluster.master, cluster.simulation ?? noSimulation);
const control = createServer((req, res) => endpoint(req, res, new URL(req.url, 'http://localhost')));
await new Promise((resolve) => control.listen(controlPort, '127.0.0.1', resolve));
process.stdout.write(`control at http://127.0.0.1:${control.address().port}\n`);
process.stdout.write(`cluster at ${cluster.url}\n`);
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, () => {
    control.close();
    control.closeAllConnections();
    void cluster.close();
  });
}
