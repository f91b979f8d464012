/**
 * The npm package mesos-framework as a program: runs one task, tells what happens in lines of JSON, and takes commands on stdin:
 * `kill` the task, `reconcile`, `teardown`. Usage: node foreign-scheduler.mjs PORT COMMAND; it logs below the current directory.
 */
import { createInterface } from 'node:readline';
import mesosFramework from 'mesos-framework';

const [port, command] = process.argv.slice(2);
const tell = (what, more = {}) => process.stdout.write(`@@${JSON.stringify({ what, ...more })}\n`);

const scheduler = new mesosFramework.Scheduler({
  masterUrl: '127.0.0.1',
  port: Number(port),
  frameworkName: 'foreign',
  useZk: false,
  logging: { path: process.cwd(), fileName: 'foreign.log', level: 'error' },
  // Its limit of silence, in seconds; a master sends a heartbeat every 15.
  masterConnectionTimeout: 60,
  exponentialBackoffMinimum: 0.05,
  tasks: {
    sleeper: {
      priority: 1,
      instances: 1,
      commandInfo: new (mesosFramework.Mesos.getMesos().CommandInfo)(null, null, true, command, null, null),
      resources: { cpus: 0.2, mem: 32, ports: 1, disk: 0 },
    },
  },
});

let lastStatus;
scheduler.on('subscribed', ({ frameworkId, mesosStreamId }) => tell('subscribed', { frameworkId, mesosStreamId }));
scheduler.on('offers', ({ offers }) => tell('offers', { count: offers.length }));
for (const name of [
  'sent_accept',
  'sent_decline',
  'sent_acknowledge',
  'sent_kill',
  'sent_reconcile',
  'sent_teardown',
  'heartbeat',
]) {
  scheduler.on(name, () => tell(name));
}
scheduler.on('update', ({ status }) => {
  lastStatus = status;
  tell('update', {
    taskId: status.task_id.value,
    state: status.state,
    reason: status.reason ?? undefined,
    uuid: status.uuid ?? undefined,
  });
});
scheduler.on('error', (error) => tell('error', { message: String(error.message ?? error).slice(0, 300) }));
scheduler.on('ready', () => scheduler.subscribe());

createInterface({ input: process.stdin }).on('line', (line) => {
  if (line === 'kill') scheduler.kill(lastStatus.task_id.value, lastStatus.agent_id.value);
  else if (line === 'reconcile') scheduler.reconcile(lastStatus.task_id.value, lastStatus.agent_id.value);
  else if (line === 'teardown') scheduler.teardown();
});
