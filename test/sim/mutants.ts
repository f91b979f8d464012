/**
 * Known bugs, planted one at a time, to show that the checkers can fail. Each is a change of the source of one file; the mutated copy
 * lives in a folder of its own, so that the program itself knows nothing of this.
 */

export interface Mutant {
  readonly name: string;
  readonly file: string;
  /** Must be there exactly once. */
  readonly find: string;
  readonly put: string;
}

export const mutants: readonly Mutant[] = [
  {
    name: 'double launch after failover: stored tasks are taken for lost and scheduled anew',
    file: 'src/actors/load.ts',
    find: 'const instance = value as Instance;',
    put: "const stored = value as Instance;\n        const instance: Instance = stored.condition === 'Running' ? { ...stored, condition: 'Scheduled', tasks: [] } : stored;",
  },
  {
    name: 'acknowledge before commit',
    file: 'src/actors/instance.ts',
    find: "return [perform('acknowledge', () => link.acknowledge(status.task_id.value, agentId, uuid))];",
    put: 'link.acknowledge(status.task_id.value, agentId, uuid);\n  return [];',
  },
  {
    name: 'answer before commit',
    file: 'src/actors/groups.ts',
    find: 'store(state, { ...deployed, more }, posted, [tell(message.replyTo, ok(value))], context, message.group?.path);',
    put: 'message.replyTo.tell(ok(value));\n  store(state, { ...deployed, more }, posted, [], context, message.group?.path);',
  },
  {
    name: 'missing fence: the store takes batches of an epoch that is over',
    file: 'src/infra/memory-journal.ts',
    find: 'if (batch.epoch !== content.epoch) return',
    put: 'if (batch.epoch > content.epoch) return',
  },
  {
    name: 'lost revive: whoever begins to wait does not ask for offers',
    file: 'src/actors/offer-demand.ts',
    find: "if (fresh.has(role) || told.get(role) !== 'offers') toRevive.add(role);",
    put: 'if (!told.has(role)) toRevive.add(role);',
  },
  {
    name: 'off by one in the capacity of an upgrade',
    file: 'src/core/deploy/rolling.ts',
    find: 'let maxCapacity = Math.trunc(instances * (1 + strategy.maximumOverCapacity));',
    put: 'let maxCapacity = Math.trunc(instances * (1 + strategy.maximumOverCapacity)) + 1;',
  },
  {
    name: 'off by one in the minimum of an upgrade',
    file: 'src/core/deploy/rolling.ts',
    find: 'let killNow = Math.max(0, healthy - minHealthy);',
    put: 'let killNow = Math.max(0, healthy - minHealthy + 1);',
  },
  {
    name: 'forgotten lock: a finished deployment goes on holding its apps',
    file: 'src/actors/groups.ts',
    find: '  running.delete(id);\n  const nowMs = context.clock.now();\n',
    put: '  const nowMs = context.clock.now();\n',
  },
  {
    name: 'a port used twice in one pass',
    file: 'src/core/offer/ports.ts',
    find: '    removePort(piece, port);\n',
    put: '',
  },
  {
    name: 'cpus of a launch are not taken out of the offer',
    file: 'src/core/offer/resources.ts',
    find: '      piece.milli -= milli;\n',
    put: "      if (name !== 'cpus') piece.milli -= milli;\n",
  },
  {
    name: 'a lost kill is never repeated',
    file: 'src/actors/kills.ts',
    find: "    if (!context.timers.has('retry')) context.timers.set('retry', settings.killRetryTimeoutMs, { type: 'retry' });\n",
    put: '',
  },
  {
    name: 'an event is dropped when many come at once',
    file: 'src/actors/journal.ts',
    find: 'released: { number, records: records.writes, events: events.logged },',
    put: 'released: { number, records: records.writes, events: events.logged.slice(0, 3) },',
  },
  {
    name: 'a health kill without a cause: the first failure kills',
    file: 'src/core/health/verdict.ts',
    find: 'failures > maxConsecutiveFailures;',
    put: 'failures > 0;',
  },
  {
    name: 'UNIQUE forgets what runs already',
    file: 'src/actors/task-index.ts',
    find: 'if (isCurrent(version, app)) agents.push(agent);',
    put: 'if (version > app.version) agents.push(agent);',
  },
  {
    name: 'ACCEPT before the launch is stored',
    file: 'src/actors/offer-cycle.ts',
    find: "  journal.tell({ type: 'write', records: [], events: [], effects: [release] });",
    put: "  scheduler.tell({ type: 'acceptReleased', offerId, session, tasks });\n  if (session < 0) journal.tell({ type: 'write', records: [], events: [], effects: [release] });",
  },
  {
    name: 'scale-down kills one too many',
    file: 'src/core/scale/reconcile.ts',
    find: 'const kill = Math.max(running - n, sentencedRunning, 0);',
    put: 'const kill = running > n ? running - n + 1 : sentencedRunning;',
  },
];
