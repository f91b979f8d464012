/** What benchmarks of the connection to Mesos send and get: ids and tasks as long as a Marathon's. */
import type { TaskInfo } from '../../src/core/mesos/types.ts';

export const agentId = '3f3978e3-95a7-4391-9c35-1056b19a04a3-S0';
/** Of a status update. */
export const updateUuid = 'Ib6Fw7wiTWGr+lWgfJhmoQ==';
export const taskId = (n: number): string =>
  `shop_web.instance-0f3c7a52-55aa-11ee-8c99-${String(n % 1_000_000).padStart(12, '0')}._app.1`;

export const taskInfo = (n: number): TaskInfo => ({
  name: 'web.shop',
  task_id: { value: taskId(n) },
  agent_id: { value: agentId },
  resources: [
    { name: 'cpus', type: 'SCALAR', scalar: { value: 0.1 }, allocation_info: { role: '*' } },
    { name: 'mem', type: 'SCALAR', scalar: { value: 32 }, allocation_info: { role: '*' } },
    { name: 'ports', type: 'RANGES', ranges: { range: [{ begin: 31_000 + n, end: 31_000 + n }] } },
  ],
  command: {
    shell: true,
    value: 'exec python3 -m http.server $PORT0',
    environment: {
      variables: ['MARATHON_APP_ID', 'MARATHON_APP_VERSION', 'HOST', 'PORT', 'PORT0', 'PORTS', 'MESOS_TASK_ID'].map(
        (name) => ({ name, type: 'VALUE' as const, value: taskId(n) }),
      ),
    },
  },
  discovery: { visibility: 'FRAMEWORK', name: 'web.shop', ports: { ports: [{ number: 31_000, protocol: 'tcp' }] } },
});
