import { describe, expect, it } from 'vitest';
import { whyAnswer } from '../../src/api/why-answers.ts';
import { whyViolations } from '../support/why-check.ts';
import { createWorld, type World } from '../support/world.ts';

const why = (world: World, id = '/web') => whyAnswer(world.read, world.read.app(id)!, world.clock.now());

describe('Why an app does not run, from what the scheduler knows', () => {
  it('names agent and shortage while an app waits, and nothing once it runs', async () => {
    const world = await createWorld({ agents: 0 });
    world.mesos.addAgent({ cpus: 1 });
    world.mesos.addAgent({ cpus: 3 });
    await world.put('/web', { cpus: 3.5 });
    expect(why(world).summary).toBe(
      '1 of 1 instance waits: none of 2 agents fits (2 too few cpus). ' +
        'It fits on host1 with 0.5 cpus less (needs 3.5, free 3). ' +
        'An instance needs 3.5 cpus; the most that any of 2 known agents has is 3 cpus (host1).',
    );
    world.mesos.addAgent({ cpus: 4 });
    await world.advance(5_000);
    expect(why(world).summary).toBe('1 of 1 instance runs.');
  });

  it('counts what was launched in the same pass as taken', async () => {
    const world = await createWorld({ agents: 1 });
    await world.put('/web', { cpus: 20, instances: 4 });
    expect(world.running('/web')).toHaveLength(3);
    expect(why(world)).toMatchObject({
      standing: 'noFit',
      summary:
        '1 of 4 instances waits: none of 1 agent fits (1 too few cpus). ' +
        'It fits on host0 with 16 cpus less (needs 20, free 4). ' +
        'At most 3 of 4 instances can run on 1 known agent, for want of room.',
    });
  });

  it('sees its own instances as constraints do', async () => {
    const world = await createWorld({ agents: 2 });
    await world.put('/web', { instances: 3, constraints: [['hostname', 'UNIQUE']] });
    const { groups, standing } = why(world);
    expect(standing).toBe('noFit');
    expect(groups[0]!.whyNot.nearest[0]).toMatchObject({ agents: 2, changes: [{ type: 'constraint' }] });
  });

  it('tells of the launch delay, its cause and its end', async () => {
    const world = await createWorld({ agents: 1 });
    await world.put('/web', { backoffSeconds: 60 });
    world.mesos.move(world.tasksOf('/web')[0]!, 'TASK_FAILED', { message: 'exited\nwith 1' });
    await world.settle();
    await world.advance(20_000);
    const { standing, summary } = why(world);
    expect(standing).toBe('delayed');
    expect(summary).toMatch(/^1 of 1 instance waits: launch delay after failures for 40 s more, until /);
    expect(summary).toContain('the last one failed on host0 (exited with 1). DELETE /v2/queue/web/delay ends it.');
  });

  it('tells that there is no master, and that no agent is known', async () => {
    const world = await createWorld({ agents: 0 });
    await world.put('/web');
    expect(why(world).standing).toBe('noAgents');
    world.mesos.disconnect();
    await world.settle();
    expect(why(world).summary).toContain('no connection to a Mesos master');
  });

  it('knows agents by its own tasks alone after a restart, and what they hold', async () => {
    const world = await createWorld({ agents: 1 });
    await world.put('/web', { cpus: 60 });
    await world.restart();
    const [known] = world.read.placement().agents();
    expect(known).toMatchObject({ agent: { host: 'host0' }, tasks: 1 });
    expect(known!.capacity.amounts.cpus).toBeGreaterThanOrEqual(60_000);
  });

  it('has nothing on offer once the session is over, but remembers the agents', async () => {
    const world = await createWorld({ agents: 2 });
    await world.put('/web', { cpus: 100 });
    expect(why(world).groups[0]!.whyNot.reasons.map(({ reason }) => reason)).toEqual(['InsufficientCpus']);
    world.mesos.disconnect();
    await world.settle();
    expect(why(world).groups[0]!.whyNot.reasons.map(({ reason }) => reason)).toEqual(['NoOffer']);
  });

  it('does not take what a task gives back for more than the agent has', async () => {
    const world = await createWorld({ agents: 1 });
    await world.put('/web', { cpus: 40 });
    for (let i = 0; i < 3; i++) {
      world.mesos.move(world.tasksOf('/web')[0]!, 'TASK_FINISHED');
      await world.advance(30_000);
    }
    expect(world.running('/web')).toHaveLength(1);
    expect(world.read.placement().agents()[0]!.capacity.amounts.cpus).toBe(64_000);
  });
});

describe('The region of the master', () => {
  const domain = (region: string) => ({
    fault_domain: { region: { name: region }, zone: { name: `${region}-1` } },
  });

  it('is where apps stay that name no other', async () => {
    const world = await createWorld({ agents: 0 });
    world.mesos.masterDomain = domain('us');
    world.mesos.addAgent({ domain: domain('eu') });
    world.mesos.disconnect();
    await world.settle();
    world.mesos.reconnect();
    await world.put('/web');
    await world.put('/free', { constraints: [['@region', 'IS', 'eu']] });
    await world.advance(5_000);
    expect(world.running('/web')).toHaveLength(0);
    expect(why(world).summary).toContain('fits on host0 with a constraint on @region (it is in eu)');
    expect(world.running('/free')).toHaveLength(1);
  });
});

describe('What is said of everything that waits', () => {
  it.each([1, 2, 3, 4, 5])('agrees with a search at every moment of a random run (seed %d)', async (seed) => {
    const world = await createWorld({ agents: 0, seed });
    const ports = [31_000, 31_015] as const;
    for (let i = 0; i < 3; i++) world.mesos.addAgent({ ports });
    const pick = <T>(...all: readonly T[]): T => all[Math.floor(world.random() * all.length)] as T;
    let questions = 0;
    for (let step = 0; step < 60; step++) {
      const id = pick('/a', '/b', '/c', '/d');
      const tasks = world.tasksOf(id);
      switch (pick('put', 'put', 'fail', 'delete', 'reconnect', 'agent', 'wait')) {
        case 'put':
          await world.put(
            id,
            {
              cpus: pick(1, 20, 40, 70),
              instances: pick(0, 1, 3, 6),
              constraints: pick([], [['hostname', 'UNIQUE']], [['hostname', 'MAX_PER', '2']], [['rack', 'IS', 'x']]),
              ...(pick(true, false) ? { requirePorts: true, portDefinitions: [{ port: 31_005 }] } : {}),
            },
            true,
          );
          break;
        case 'fail':
          if (tasks.length > 0) world.mesos.move(pick(...tasks), 'TASK_FAILED');
          break;
        case 'delete':
          await world.delete(id);
          break;
        case 'reconnect':
          world.mesos.disconnect();
          await world.settle();
          world.mesos.reconnect();
          break;
        case 'agent':
          if (world.mesos.agents.length < 6) world.mesos.addAgent({ cpus: pick(2, 30, 64), ports });
          break;
        case 'wait':
          break;
      }
      await world.advance(pick(0, 500, 10_000));
      expect(whyViolations(world.read, world.clock.now())).toEqual([]);
      questions += world.read.queue().length;
    }
    expect(questions).toBeGreaterThan(20);
    world.expectSane();
  });
});

describe('A huge app', () => {
  it('leaves what becomes free to a small one in turn', async () => {
    const world = await createWorld({ agents: 1 });
    await world.put('/huge', { cpus: 1, instances: 5_000 });
    await world.put('/small', { cpus: 1, instances: 3 });
    expect(world.running('/huge')).toHaveLength(64);
    for (let i = 0; i < 12; i++) {
      world.mesos.move(world.tasksOf('/huge')[0]!, 'TASK_KILLED');
      await world.advance(1_000);
    }
    expect(world.running('/small')).toHaveLength(3);
    expect(world.running('/huge')).toHaveLength(61);
  });
});
