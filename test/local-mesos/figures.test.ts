/** The names in /metrics/snapshot and /flags beside those of a real master (recording 12): all there, or left out for a reason. */
import { describe, expect, it } from 'vitest';
import { cluster, subscribed } from './cluster-fixture.ts';
import recorded from './figures.fixture.json' with { type: 'json' };
import { get } from './statement-helpers.ts';

/** What begins like this is left out. */
const leftOut: readonly (readonly [string, string])[] = [
  ['allocator/', 'figures of another allocator'],
  ['registrar/', 'the registry is a file that is read once'],
  ['master/frameworks/{name}/{id}/', 'not counted for each framework: /frameworks tells what is of use'],
  ['master/operations/', 'operations take effect at once: none is ever pending, lost or recovered'],
  ['master/event_queue_', 'there is no queue of events'],
  ['master/dropped_messages', 'messages are calls of functions'],
  ['master/http_cache_hits', 'nothing is cached'],
  ['master/invalid_executor_to_framework_messages', 'executors send no messages'],
  ['master/valid_executor_to_framework_messages', 'executors send no messages'],
  ['master/messages_executor_to_framework', 'executors send no messages'],
  ['master/invalid_framework_to_executor_messages', 'messages to executors are taken and not delivered'],
  ['master/valid_framework_to_executor_messages', 'messages to executors are taken and not delivered'],
  ['master/invalid_operation_status_update', 'operations report through the master itself'],
  ['master/valid_operation_status_update', 'operations report through the master itself'],
  ['master/messages_operation_status_update', 'operations report through the master itself'],
  ['master/messages_authenticate', 'a message between master and agent, which here are one program'],
  ['master/messages_deactivate_framework', 'a message of the old scheduler library'],
  ['master/messages_launch_tasks', 'a message of the old scheduler library'],
  ['master/messages_reregister_framework', 'a message of the old scheduler library'],
  ['master/messages_exited_executor', 'a message between master and agent, which here are one program'],
  ['master/messages_register_slave', 'a message between master and agent, which here are one program'],
  ['master/messages_reregister_slave', 'a message between master and agent, which here are one program'],
  ['master/messages_unregister_slave', 'a message between master and agent, which here are one program'],
  ['master/messages_update_slave', 'a message between master and agent, which here are one program'],
  ['master/messages_status_update', 'a message between master and agent, which here are one program'],
  ['master/operator_event_stream_subscribers', 'operators are not counted'],
  ['master/recovery_slave_removals', 'agents are not removed at a recovery'],
  ['master/slave_removals/', 'not told apart by reason'],
  ['master/slave_shutdowns_', 'agents are not shut down by the master'],
  ['master/slave_unreachable_canceled', 'agents are given up at once when their time is over'],
  ['master/slave_unreachable_scheduled', 'agents are given up at once when their time is over'],
];

const isLeftOut = (name: string): boolean => leftOut.some(([start]) => name.startsWith(start));

describe('the figures of the master', () => {
  it('have the names of a real one', async () => {
    const mesos = await cluster();
    await subscribed(mesos);
    const live = await get(`${mesos.url}/metrics/snapshot`);
    expect(recorded.metrics.filter((name) => !(name in live) && !isLeftOut(name))).toEqual([]);
    for (const value of Object.values(live)) expect(typeof value).toBe('number');
  });

  it('that are left out are so for a reason that still holds', async () => {
    const live = Object.keys(await get(`${(await cluster()).url}/metrics/snapshot`));
    for (const [start] of leftOut) {
      const missing = recorded.metrics.filter((name) => name.startsWith(start) && !live.includes(name));
      expect([start, missing.length > 0]).toEqual([start, true]);
    }
  });

  it('count agents that are away or deactivated', async () => {
    const mesos = await cluster({ agents: 3 });
    const [first, second] = [...mesos.master.state.agents.values()];
    mesos.master.lifecycle.disconnect(first!);
    mesos.master.lifecycle.deactivate(second!);
    expect(await get(`${mesos.url}/metrics/snapshot`)).toMatchObject({
      'master/slaves_active': 1,
      'master/slaves_inactive': 2,
      'master/slaves_connected': 2,
      'master/slaves_disconnected': 1,
      'master/slaves_unreachable': 0,
    });
  });
});

describe('the flags of the master', () => {
  it('are flags of a real one, and those that say how it behaves are there', async () => {
    const mesos = await cluster();
    const { flags } = (await get(`${mesos.url}/flags`)) as { flags: Record<string, string> };
    const optional = ['offer_timeout', 'domain'];
    expect(Object.keys(flags).filter((name) => !recorded.flags.includes(name) && !optional.includes(name))).toEqual([]);
    // The others choose parts of Mesos that do not exist here: authenticators, sorters, the log, ZooKeeper, the web pages.
    const behaviour = [
      'agent_ping_timeout',
      'allocation_interval',
      'authenticate_http_frameworks',
      'authenticate_http_readwrite',
      'filter_gpu_resources',
      'framework_sorter',
      'hostname',
      'ip',
      'max_agent_ping_timeouts',
      'max_completed_frameworks',
      'max_completed_tasks_per_framework',
      'max_operator_event_stream_subscribers',
      'min_allocatable_resources',
      'port',
      'role_sorter',
      'root_submissions',
      'version',
    ];
    expect(Object.keys(flags).sort()).toEqual(behaviour);
  });
});
