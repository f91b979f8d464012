/** M-80, M-81: the operator API of the master, and that all views agree (mesos-v1 §6.5). */
import { describe, expect, it } from 'vitest';
import { json, send, taskFor } from '../support/mesos-client.ts';
import { cluster, follow, subscribed } from './cluster-fixture.ts';

const ask = async (url: string, type: string, more: object = {}) =>
  JSON.parse((await send(`${url}/api/v1`, { headers: json, body: { type, ...more } })).body);

describe('the operator API', () => {
  it('M-80: all views agree on the tasks there are', async () => {
    const mesos = await cluster();
    const scheduler = await subscribed(mesos);
    const [offer] = await scheduler.nextOffers();
    await scheduler.launch(
      [offer!],
      ['a', 'b', 'c'].map((id) => taskFor(offer!, id)),
    );
    for (const id of ['a', 'b', 'c']) await scheduler.acknowledge(await scheduler.nextStatus(id));
    mesos.simulation!.command('c', 'TASK_FAILED');
    await scheduler.acknowledge(await scheduler.nextStatus('c'));
    const { get_state: state } = await ask(mesos.url, 'GET_STATE');
    expect(state.get_tasks.tasks).toHaveLength(2);
    expect(state.get_tasks.completed_tasks).toMatchObject([{ task_id: { value: 'c' }, state: 'TASK_FAILED' }]);
    expect(state.get_frameworks.frameworks).toHaveLength(1);
    expect(state.get_agents.agents).toHaveLength(1);
    const read = async (path: string) => JSON.parse((await send(`${mesos.url}${path}`)).body);
    expect((await read('/state')).frameworks[0].tasks).toHaveLength(2);
    expect((await read('/tasks')).tasks).toHaveLength(3);
    expect((await read('/slaves')).slaves[0].used_resources.cpus).toBe(0.2);
    expect(await read('/metrics/snapshot')).toMatchObject({ 'master/tasks_running': 2, 'master/tasks_failed': 1 });
    const summary = await read('/state-summary');
    expect(summary.slaves[0]).toMatchObject({
      TASK_RUNNING: 2,
      TASK_FAILED: 1,
      framework_ids: [scheduler.frameworkId],
    });
    expect(summary.frameworks[0]).toMatchObject({ TASK_RUNNING: 2, TASK_FAILED: 1 });
    expect((await ask(mesos.url, 'GET_ROLES')).get_roles.roles).toMatchObject([{ name: '*' }]);
    expect((await read('/roles')).roles[0].allocated).toEqual({ cpus: 0.2, mem: 64 });
  });

  it('M-81: its stream begins with the state and then tells of tasks, agents and frameworks', async () => {
    const mesos = await cluster();
    const next = follow(mesos);
    expect((await next('SUBSCRIBED'))['subscribed']).toMatchObject({ get_state: { get_agents: {} } });
    await next('HEARTBEAT');
    const scheduler = await subscribed(mesos);
    expect((await next('FRAMEWORK_ADDED'))['framework_added']).toMatchObject({
      framework: { framework_info: { id: { value: scheduler.frameworkId } } },
    });
    const [offer] = await scheduler.nextOffers();
    await scheduler.launch([offer!], [taskFor(offer!, 'a')]);
    expect((await next('TASK_ADDED'))['task_added']).toMatchObject({
      task: { task_id: { value: 'a' }, state: 'TASK_STAGING' },
    });
    expect((await next('TASK_UPDATED'))['task_updated']).toMatchObject({
      state: 'TASK_RUNNING',
      status: { uuid: (await scheduler.nextStatus('a')).uuid },
    });
    const agent = mesos.master.state.agents.get(offer!.agent_id.value)!;
    mesos.master.lifecycle.lose(agent);
    expect((await next('TASK_UPDATED'))['task_updated']).toMatchObject({
      state: 'TASK_UNREACHABLE',
      status: { task_id: { value: 'a' }, source: 'SOURCE_MASTER' },
    });
    mesos.master.lifecycle.remove(agent, 'a test');
    expect((await next('AGENT_REMOVED'))['agent_removed']).toEqual({ agent_id: offer!.agent_id });
    await ask(mesos.url, 'TEARDOWN', { teardown: { framework_id: { value: scheduler.frameworkId } } }).catch(() => {});
    await next('FRAMEWORK_REMOVED');
  });

  it('refuses calls without a type, without a body, for unknown agents, and those it does not know', async () => {
    const { url } = await cluster();
    const post = (body: object, headers: Record<string, string> = json) => send(`${url}/api/v1`, { headers, body });
    expect(await post({})).toMatchObject({
      status: 400,
      body: "Failed to validate master::Call: Expecting 'type' to be present",
    });
    expect((await post({ type: 'NO_SUCH_CALL' })).status).toBe(400);
    expect((await post({ type: 'UPDATE_QUOTA', update_quota: {} })).status).toBe(501);
    expect((await post({ type: 'MARK_AGENT_GONE' })).body).toContain("Expecting 'mark_agent_gone' to be present");
    expect((await post({ type: 'MARK_AGENT_GONE', mark_agent_gone: { agent_id: { value: 'S9' } } })).status).toBe(404);
    expect((await post({ type: 'GET_STATE' }, { 'Content-Type': 'text/plain' })).status).toBe(415);
    expect((await send(`${url}/api/v1`)).status).toBe(405);
  });
});
