/** One simulated world: servers, a store, an ensemble, a Mesos, users, and the checkers that watch over all of it. */
import type { LoggedEvent } from '../../src/core/events.ts';
import { createMemoryJournal, type MemoryJournal } from '../../src/infra/memory-journal.ts';
import { FakeEnsemble } from '../support/fake-ensemble.ts';
import { createVirtualClock, type VirtualClock } from '../support/virtual-clock.ts';
import type { CheckContext } from './checkers/context.ts';
import { JournalChecker } from './checkers/journal.ts';
import { KillChecker } from './checkers/kills.ts';
import { LaunchChecker } from './checkers/launches.ts';
import { Chronicle } from './chronicle.ts';
import type { Dice } from './dice.ts';
import { SimMesos } from './mesos.ts';
import { Mirror } from './mirror.ts';
import type { Profile } from './profile.ts';
import { type ServerWatch, SimServer } from './server.ts';
import { Users } from './users.ts';

/** Rounds of the loop in which the world must come to rest. */
const maxRounds = 20_000;

export class SimWorld {
  readonly clock: VirtualClock = createVirtualClock();
  readonly store: MemoryJournal = createMemoryJournal();
  readonly mirror = new Mirror();
  readonly servers: SimServer[] = [];
  readonly chronicle: Chronicle;
  readonly mesos: SimMesos;
  readonly users: Users;
  readonly journalChecker: JournalChecker;
  /** Losses and delays; replaced when the weather clears up. */
  readonly profile: { value: Profile };
  readonly #killChecker: KillChecker;
  readonly #launchChecker: LaunchChecker;
  readonly #ensemble: FakeEnsemble | undefined;
  readonly #dice: Dice;
  #ids = 0;
  #lives = 0;

  constructor(dice: Dice, profile: Profile, print?: (line: string) => void) {
    this.#dice = dice;
    this.profile = { value: profile };
    this.chronicle = new Chronicle(() => this.clock.monotonic(), print);
    this.mesos = new SimMesos(this.clock, dice.fork(), this.profile, this.chronicle);
    this.#ensemble = profile.servers > 1 ? new FakeEnsemble(this.clock) : undefined;
    const { clock, chronicle, mirror, mesos } = this;
    const context: CheckContext = { clock, chronicle, mirror, mesos, killedByUser: new Map() };
    this.journalChecker = new JournalChecker(context);
    this.#killChecker = new KillChecker(context);
    this.#launchChecker = new LaunchChecker(context);
    this.users = new Users(context, dice.fork(), profile.apps);
    for (let i = 0; i < profile.agents; i++) mesos.addAgent();
  }

  nextId = (): number => ++this.#ids;

  /** Starts a server under this name, a new process if there was one before. */
  async startServer(name: string): Promise<SimServer> {
    const { clock, store, mesos, profile, nextId } = this;
    const world = { clock, store, ensemble: this.#ensemble, mesos, profile, nextId, watch: this.#watch() };
    const server = new SimServer(`${name}.${++this.#lives}`, world, this.#dice.fork());
    this.servers.push(server);
    this.chronicle.log(`start     ${server.name}`);
    server.orchestrator.start().catch((error: unknown) => {
      this.chronicle.log(`ends      ${server.name}: ${String(error)}`);
      server.die();
    });
    await this.settle();
    return server;
  }

  /** As whoever looks after processes would do. */
  async restartDead(): Promise<void> {
    for (const server of this.servers.filter((s) => s.isDead)) {
      this.servers.splice(this.servers.indexOf(server), 1);
      await this.startServer(server.name.replace(/\.\d+$/, ''));
    }
  }

  serving(): readonly SimServer[] {
    return this.servers.filter((s) => s.isServing);
  }

  /** Time passes; everything that falls due happens at its time. False as soon as something is wrong. */
  async advance(ms: number): Promise<boolean> {
    const { clock, chronicle } = this;
    const untilMs = clock.monotonic() + ms;
    await this.settle();
    while (chronicle.violations.length === 0) {
      const nowMs = clock.monotonic();
      const next = Math.min(untilMs, clock.nextDueMs() ?? untilMs);
      clock.advance(Math.max(0, next - nowMs));
      await this.settle();
      if (next >= untilMs) break;
    }
    this.#checkServers();
    return chronicle.violations.length === 0;
  }

  /** Until nothing happens any more without time passing. */
  async settle(): Promise<void> {
    let before = -1;
    for (let round = 0; round < maxRounds; round++) {
      await new Promise((resolve) => setImmediate(resolve));
      let handled = 0;
      for (const server of this.servers) handled += server.orchestrator.runtime.stats().handled;
      if (handled === before) return;
      before = handled;
    }
    this.chronicle.violation('rest', 'the actors do not come to rest');
  }

  #checkServers(): void {
    const serving = this.serving();
    if (serving.length > 1) this.chronicle.violation('epochs', `${serving.map((s) => s.name).join(', ')} lead at once`);
    for (const { logger, name } of this.servers) {
      const [failure] = [...logger.of('leadership.actor-failed'), ...logger.of('effectFailed')];
      if (failure) this.chronicle.violation('actors', `${name}: ${describe(failure.cause)}`);
    }
  }

  #watch(): ServerWatch {
    const { mirror, chronicle, users } = this;
    const [journal, kills, launches] = [this.journalChecker, this.#killChecker, this.#launchChecker];
    return {
      opened: (server, epoch) => {
        chronicle.log(`epoch     ${epoch} of ${server.name}`);
        journal.opened(epoch);
      },
      committed: (server, batch) => {
        journal.committing(server, batch);
        const changes = mirror.apply(batch);
        for (const { key, after } of changes.instances) {
          chronicle.log(`stored    ${key} ${after ? `${after.goal} ${after.condition} ${after.version}` : 'gone'}`);
        }
        for (const { key, after } of changes.deployments) {
          chronicle.log(
            `stored    deployment ${key} ${after ? `step ${after.currentStep} ${JSON.stringify(after.steps)}` : 'ended'}`,
          );
        }
        for (const { key, after } of changes.apps) {
          chronicle.log(`stored    ${key} ${after ? `${after.version} with ${after.instances}` : 'gone'}`);
        }
        journal.committed(changes);
        launches.committed(changes);
        kills.committed(changes);
        users.committed(changes);
      },
      refused: (server, batch, outcome) => {
        chronicle.log(`refused   batch ${batch.number} of ${server.name}: ${outcome.type}`);
        journal.refused(server, batch, outcome);
      },
      delivered: (server, events: readonly LoggedEvent[]) => {
        if (!server.isDead) journal.delivered(server, events);
      },
      acknowledging: (_server, taskId, uuid) => journal.acknowledging(taskId, uuid),
      accepting: (_offerIds, tasks) => launches.accepting(tasks),
      killing: (server, taskId) => {
        chronicle.log(`kill      ${taskId} by ${server.name}`);
        kills.killing(taskId);
      },
      probed: (request) => kills.probed(request),
      logged: (server, event, fields) => {
        chronicle.log(`log       ${server.name} ${event} ${fields ? JSON.stringify(fields) : ''}`);
      },
      died: (server) => chronicle.log(`dies      ${server.name}`),
    };
  }
}

function describe(cause: unknown): string {
  const parts: string[] = [];
  for (let at = cause; at instanceof Error; at = at.cause) parts.push(at.stack ?? at.message);
  return parts.join(' <- ') || String(cause);
}
