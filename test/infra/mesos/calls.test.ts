import { describe, expect, it } from 'vitest';
import type { TaskInfo } from '../../../src/core/mesos/types.ts';
import { createCallEncoder } from '../../../src/infra/mesos/calls.ts';
import { recorded } from './recorded.ts';

interface RecordedCall {
  readonly framework_id: { readonly value: string };
  readonly accept: {
    readonly offer_ids: readonly { readonly value: string }[];
    readonly operations: readonly { readonly launch: { readonly task_infos: readonly TaskInfo[] } }[];
  };
  readonly acknowledge: {
    readonly agent_id: { readonly value: string };
    readonly task_id: { readonly value: string };
    readonly uuid: string;
  };
  readonly reconcile: {
    readonly tasks: readonly { readonly task_id: { value: string }; readonly agent_id?: { value: string } }[];
  };
}

const callOf = (type: string): RecordedCall => recorded.calls[type]?.[0] as unknown as RecordedCall;

describe('the encoder of calls', () => {
  it('makes the ACCEPT that was recorded', () => {
    const call = callOf('ACCEPT');
    const encoder = createCallEncoder(call.framework_id.value);
    const tasks = call.accept.operations[0]?.launch.task_infos ?? [];
    const ids = call.accept.offer_ids.map((id) => id.value);
    expect(tasks.length).toBeGreaterThan(0);
    expect(JSON.parse(encoder.accept(ids, tasks, 5))).toEqual({
      ...call,
      accept: { ...call.accept, filters: { refuse_seconds: 5 } },
    });
  });

  it('makes the ACKNOWLEDGE and the RECONCILE that were recorded', () => {
    const { acknowledge, framework_id } = callOf('ACKNOWLEDGE');
    const { agent_id, task_id, uuid } = acknowledge;
    const text = createCallEncoder(framework_id.value).acknowledge(task_id.value, agent_id.value, uuid);
    expect(JSON.parse(text)).toEqual(callOf('ACKNOWLEDGE'));
    const reconcile = callOf('RECONCILE');
    const tasks = reconcile.reconcile.tasks.map((task) => ({
      taskId: task.task_id.value,
      agentId: task.agent_id?.value,
    }));
    expect(JSON.parse(createCallEncoder(reconcile.framework_id.value).reconcile(tasks))).toEqual(reconcile);
  });

  it('quotes whatever stands in an id', () => {
    const odd = '"\\\n\u0000}{ü';
    const body = JSON.parse(createCallEncoder(odd).kill({ taskId: odd, agentId: odd }));
    expect(body).toEqual({
      framework_id: { value: odd },
      type: 'KILL',
      kill: { task_id: { value: odd }, agent_id: { value: odd } },
    });
  });

  it('writes no half of a surrogate pair, which Mesos would refuse with the whole call', () => {
    const encoder = createCallEncoder('F');
    const info = { name: 'a\ud800b', task_id: { value: 't' }, agent_id: { value: 'S' }, resources: [] };
    expect(encoder.accept(['O'], [info], 5)).toContain('"name":"a\ufffdb"');
    expect(encoder.accept(['O'], [{ ...info, name: '\ud83d\ude00 \\ud800' }], 5)).toContain(
      '"name":"\ud83d\ude00 \\\\ud800"',
    );
  });

  it('writes an infinite limit as the text that Mesos reads', () => {
    const task: TaskInfo = {
      name: 'a',
      task_id: { value: 'a' },
      agent_id: { value: 'S0' },
      resources: [],
      limits: { cpus: { value: Number.POSITIVE_INFINITY }, mem: { value: 512 } },
    };
    const body = JSON.parse(createCallEncoder('f').accept(['O'], [task], 0));
    expect(body.accept.operations[0].launch.task_infos[0].limits).toEqual({
      cpus: { value: 'Infinity' },
      mem: { value: 512 },
    });
  });
});
