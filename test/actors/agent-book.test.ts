import { describe, expect, it } from 'vitest';
import { AgentBook, maxAgentsKnown } from '../../src/actors/agent-book.ts';
import { supplyOf } from '../../src/core/offer/resources.ts';
import { anAgent, anOffer, ports, scalar, text } from '../core/offer/fixtures.ts';

const cpus = (book: AgentBook) => book.agents().map(({ capacity }) => capacity.amounts.cpus);
const use = (host: string, milli: number, hostPorts: readonly number[] = []) => ({
  agent: anAgent(host),
  needs: { cpus: milli, mem: 0, disk: 0, gpus: 0 },
  hostPorts,
});

describe('The book of agents', () => {
  it('takes for what an agent has the most that it ever offered, or free and ours together', () => {
    const book = new AgentBook();
    book.offered(anOffer({ host: 'h' }, [scalar('cpus', 4)]), 1);
    book.offered(anOffer({ host: 'h' }, [scalar('cpus', 1)]), 2);
    expect(cpus(book)).toEqual([4_000]);
    book.occupied('t', use('h', 3_500));
    expect(cpus(book)).toEqual([4_500]);
    book.occupied('u', use('h', 2_500));
    expect(cpus(book)).toEqual([7_000]);
  });

  it('does not keep a task that is counted as free already for more than the agent has', () => {
    const book = new AgentBook();
    book.occupied('t', use('h', 500));
    book.offered(anOffer({ host: 'h' }, [scalar('cpus', 4)]), 1_000);
    expect(cpus(book)).toEqual([4_500]);
    book.vacated('t', 1_100);
    expect(cpus(book)).toEqual([4_000]);
  });

  it('believes free and ours together if no task has ended for a while', () => {
    const book = new AgentBook();
    book.occupied('t', use('h', 3_000));
    book.offered(anOffer({ host: 'h' }, [scalar('cpus', 1)]), 1_000);
    book.vacated('t', 11_000);
    expect(cpus(book)).toEqual([4_000]);
  });

  it('counts a task once, however often it is told of it, and no longer than it lives', () => {
    const book = new AgentBook();
    book.occupied('t', use('h', 1_000));
    book.occupied('t', use('h', 1_000));
    expect(book.agents()[0]).toMatchObject({ tasks: 1, capacity: { amounts: { cpus: 1_000 } } });
    book.vacated('t', 1);
    book.vacated('t', 1);
    expect(book.size).toBe(0);
  });

  it('shows what is left of an offer, until the next one, for each role', () => {
    const book = new AgentBook();
    const offer = anOffer({ host: 'h' }, [scalar('cpus', 4)]);
    book.offered(offer, 1);
    book.offered(anOffer({ host: 'h', role: 'dev' }, [scalar('cpus', 9, { allocation: 'dev' })]), 1);
    const left = supplyOf(anOffer({ host: 'h' }, [scalar('cpus', 1)]));
    book.taken(offer, left, 2);
    expect(book.agents()[0]!.seen.map(({ role, supply, atMs }) => [role, supply.scalars.cpus[0]!.milli, atMs])).toEqual(
      [
        ['*', 1_000, 2],
        ['dev', 9_000, 1],
      ],
    );
    const next = anOffer({ host: 'h' }, [scalar('cpus', 2)]);
    book.offered(next, 3);
    book.taken(offer, left, 4);
    expect(book.agents()[0]!.seen.find(({ role }) => role === '*')!.supply.scalars.cpus[0]!.milli).toBe(2_000);
  });

  it('drops an offer that is taken back, all with the session, and an agent that is lost', () => {
    const book = new AgentBook();
    const offer = anOffer({ host: 'h1' });
    book.offered(offer, 1);
    book.offered(anOffer({ host: 'h2' }), 1);
    const seen = () => book.agents().map((known) => [known.agent.host, known.seen.length]);
    book.rescinded(offer.id.value);
    book.rescinded('unknown');
    expect(seen()).toEqual([
      ['h1', 0],
      ['h2', 1],
    ]);
    book.sessionOver();
    expect(seen()).toEqual([
      ['h1', 0],
      ['h2', 0],
    ]);
    book.lost(offer.agent_id.value);
    expect(seen()).toEqual([['h2', 0]]);
  });

  it('remembers ports that were ever offered or are used by us', () => {
    const book = new AgentBook();
    book.offered(anOffer({ host: 'h' }, [ports([{ begin: 10, end: 12 }])]), 1);
    book.offered(anOffer({ host: 'h' }, [ports([{ begin: 12, end: 14 }])]), 2);
    book.occupied('t', use('h', 0, [80]));
    expect(book.agents()[0]!.capacity.ports).toEqual([
      { begin: 10, end: 14 },
      { begin: 80, end: 80 },
    ]);
  });

  it('gives the same objects as long as nothing changes, and sees new attributes', () => {
    const book = new AgentBook();
    book.offered(anOffer({ host: 'h1', attributes: [text('rack', 'a')] }), 1);
    book.offered(anOffer({ host: 'h2' }), 1);
    const before = book.agents();
    const { revision } = book;
    expect(book.agents()).toBe(before);
    book.offered(anOffer({ host: 'h1', attributes: [text('rack', 'b')] }), 2);
    expect(book.revision).toBeGreaterThan(revision);
    expect(book.agents()[0]!.view.valueOf('rack')).toBe('b');
    expect(book.agents()[1]).toBe(before[1]);
  });

  it('is bounded: of agents without tasks the one heard of longest ago goes first', () => {
    const book = new AgentBook();
    book.occupied('t', use('ours', 1_000));
    for (let i = 0; i < maxAgentsKnown; i += 1) book.offered(anOffer({ host: `h${i}` }, []), i + 1);
    expect(book.size).toBe(maxAgentsKnown);
    const hosts = book.agents().map(({ agent }) => agent.host);
    expect(hosts.slice(0, 2)).toEqual(['ours', 'h1']);
  });
});
