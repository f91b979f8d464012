/** A link with everything around it under the control of a test. */
import { afterEach, beforeEach } from 'vitest';
import type { FrameworkSettings, LogFields, MesosEvent, MesosLink } from '../../../src/actors/ports.ts';
import { createMesosLink, type MesosLinkOptions } from '../../../src/infra/mesos/link.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';
import { createInbox, type FakeMaster, type Inbox, type SeenSubscribe, startFakeMaster } from './fake-master.ts';

export const framework: FrameworkSettings = {
  name: 'marathon',
  user: 'root',
  roles: ['*'],
  failover_timeout: 604_800,
  checkpoint: true,
  capabilities: [{ type: 'PARTITION_AWARE' }, { type: 'MULTI_ROLE' }],
};

export interface LogLine {
  readonly level: string;
  readonly event: string;
  readonly fields: LogFields | undefined;
}

export interface LinkHarness {
  readonly master: FakeMaster;
  readonly clock: FakeClock;
  readonly events: Inbox<MesosEvent>;
  readonly log: LogLine[];
  readonly counts: Map<string, number>;
  readonly gauges: Map<string, () => number>;
  /** Creates a link to the master; it is stopped after the test. */
  readonly link: (options?: Partial<MesosLinkOptions>) => MesosLink;
  /** Starts a link and brings it to `subscribed`. */
  readonly connected: (
    options?: Partial<MesosLinkOptions>,
  ) => Promise<{ readonly link: MesosLink; readonly stream: SeenSubscribe }>;
  /** Awaits the next event and requires its type. */
  readonly event: <T extends MesosEvent['type']>(type: T) => Promise<Extract<MesosEvent, { type: T }>>;
  /** A further master; closed after the test. */
  readonly anotherMaster: (tls?: { readonly key: string; readonly cert: string }) => Promise<FakeMaster>;
}

interface Parts {
  master: FakeMaster;
  clock: FakeClock;
  events: Inbox<MesosEvent>;
  log: LogLine[];
  counts: Map<string, number>;
  gauges: Map<string, () => number>;
}

/** To be called in a `describe`: everything is fresh for each test. */
export function useLinkHarness(): LinkHarness {
  const parts = {} as Parts;
  let links: MesosLink[] = [];
  let masters: FakeMaster[] = [];
  beforeEach(async () => {
    const master = await startFakeMaster();
    masters = [master];
    links = [];
    const fresh = { clock: createFakeClock(), events: createInbox<MesosEvent>(), log: [], counts: new Map() };
    Object.assign(parts, { master, gauges: new Map(), ...fresh });
  });
  afterEach(async () => {
    await Promise.all(links.map((link) => link.stop(false)));
    await Promise.all(masters.map((master) => master.close()));
  });

  function link(options: Partial<MesosLinkOptions> = {}): MesosLink {
    const { master, clock, log, counts, gauges } = parts;
    const write = (level: string) => (event: string, fields?: LogFields) => {
      log.push({ level, event, fields });
    };
    const made = createMesosLink({
      master: master.address,
      framework,
      clock,
      ids: { uuid: () => 'uuid', timeUuid: () => 'uuid', random: () => 0.5 },
      logger: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') },
      metrics: {
        count: (name, by = 1) => counts.set(name, (counts.get(name) ?? 0) + by),
        gauge: (name, read) => gauges.set(name, read),
        time: () => {},
      },
      ...options,
    });
    links.push(made);
    return made;
  }

  async function event<T extends MesosEvent['type']>(type: T): Promise<Extract<MesosEvent, { type: T }>> {
    let next = await parts.events.next();
    while (next.type === 'offersInDoubt' && type !== 'offersInDoubt') next = await parts.events.next();
    if (next.type !== type) throw new Error(`expected ${type}, got ${JSON.stringify(next)}`);
    return next as Extract<MesosEvent, { type: T }>;
  }

  const harness: Omit<LinkHarness, keyof Parts> = {
    link,
    event,
    connected: async (options) => {
      const made = link(options);
      made.start(undefined, parts.events.put);
      const stream = await parts.master.subscribes.next();
      stream.accept();
      await event('subscribed');
      return { link: made, stream };
    },
    anotherMaster: async (tls) => {
      const master = await startFakeMaster(tls);
      masters.push(master);
      return master;
    },
  };
  return Object.assign(parts, harness);
}
