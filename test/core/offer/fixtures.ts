/** Small apps, offers and demands for the tests of offer matching. */
import type { AppDefinition } from '../../../src/core/app/definition.ts';
import { instanceIdOf } from '../../../src/core/ids.ts';
import type { AgentInfo } from '../../../src/core/instance/instance.ts';
import type { Attribute, Offer, Range, ReservationInfo, Resource } from '../../../src/core/mesos/types.ts';
import { defaultMatchSettings, type MatchSettings } from '../../../src/core/offer/demand.ts';
import { agentOf, viewOf } from '../../../src/core/offer/fields.ts';
import { amountsOf, type KnownAgent } from '../../../src/core/offer/known-agents.ts';
import type { MatchDemand } from '../../../src/core/offer/lanes.ts';
import { allocationRole, type MatchOutcome, match } from '../../../src/core/offer/match.ts';
import { type Amounts, type ScalarName, supplyOf } from '../../../src/core/offer/resources.ts';
import { plainApp } from '../../support/app.ts';

const version = '2026-01-02T03:04:05.678Z';

export const anApp = (changes: Partial<AppDefinition> = {}, id = '/shop/web'): AppDefinition =>
  plainApp(id, version, changes);

/** Port definitions with the given service ports. */
export const definitions = (...ports: readonly number[]): Pick<AppDefinition, 'portDefinitions'> => ({
  portDefinitions: ports.map((port) => ({ port, protocol: 'tcp' })),
});

interface PieceOptions {
  /** Role that it is reserved for. */
  readonly role?: string;
  readonly reservation?: ReservationInfo;
  readonly allocation?: string;
}

const common = ({ role, reservation, allocation = '*' }: PieceOptions) => ({
  allocation_info: { role: allocation },
  ...(role === undefined && reservation === undefined
    ? {}
    : { reservations: [{ type: 'STATIC' as const, ...(role === undefined ? {} : { role }), ...reservation }] }),
});

export const scalar = (name: string, value: number, options: PieceOptions = {}): Resource => ({
  name,
  type: 'SCALAR',
  scalar: { value },
  ...common(options),
});

export const ports = (range: readonly Range[], options: PieceOptions = {}): Resource => ({
  name: 'ports',
  type: 'RANGES',
  ranges: { range },
  ...common(options),
});

export const text = (name: string, value: string): Attribute => ({ name, type: 'TEXT', text: { value } });

interface OfferOptions extends Partial<Omit<Offer, 'id' | 'resources'>> {
  readonly host?: string;
  readonly role?: string;
}

let offers = 0;

/** An offer of 4 CPUs, 4096 MiB, 10,000 MiB disk and ports 31000–32000, unless `resources` says otherwise. */
export function anOffer(options: OfferOptions = {}, resources?: readonly Resource[]): Offer {
  offers += 1;
  const { host = `host-${offers}`, role = '*', ...rest } = options;
  const allocation = { allocation: role };
  return {
    id: { value: `O${offers}` },
    framework_id: { value: 'F' },
    agent_id: { value: `agent of ${host}` },
    hostname: host,
    allocation_info: { role },
    resources: resources ?? [
      ports([{ begin: 31_000, end: 32_000 }], allocation),
      scalar('cpus', 4, allocation),
      scalar('mem', 4_096, allocation),
      scalar('disk', 10_000, allocation),
    ],
    ...rest,
  };
}

export const anAgent = (host: string, attributes: readonly Attribute[] = [], zone?: string): AgentInfo => ({
  host,
  agentId: `agent of ${host}`,
  attributes,
  ...(zone === undefined ? {} : { region: 'r', zone }),
});

export function aDemand(
  app: AppDefinition,
  count = 1,
  more: Partial<MatchDemand> & { role?: string } = {},
): MatchDemand {
  const { role = app.role, ...rest } = more;
  const waiting = Array.from({ length: count }, (_, i) => ({
    instanceId: instanceIdOf(app.id, `${i}`),
    incarnation: 1,
    role,
  }));
  return { app, waiting, placements: [], ...rest };
}

/** A small reproducible source of numbers in [0, 1). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
}

/** One pass with default settings, unless told otherwise, and a fixed seed. */
export const matched = (
  offersGiven: readonly Offer[],
  demands: readonly MatchDemand[],
  settings: Partial<MatchSettings> = {},
  nowMs = 0,
  random = seeded(7),
): MatchOutcome =>
  match({ offers: offersGiven, demands, settings: { ...defaultMatchSettings, ...settings }, nowMs, random });

/** Reasons of the only refusal, or `taken` if there was none. */
export function reasonsOfOne(outcome: MatchOutcome): readonly string[] | 'taken' {
  return outcome.refusals.length === 0 ? 'taken' : outcome.refusals[0]!.reasons;
}

/** The agent behind an offer, as it is known right after the offer came; `used` is what tasks of ours have there. */
export function knownAgent(offer: Offer, used: Partial<Amounts> = {}): KnownAgent {
  const agent = agentOf(offer);
  const supply = supplyOf(offer);
  const free = amountsOf(supply);
  const total = (name: ScalarName) => free[name] + (used[name] ?? 0);
  return {
    agent,
    view: viewOf(agent),
    seen: [{ role: allocationRole(offer), supply, unavailability: offer.unavailability, atMs: 1_000 }],
    capacity: {
      amounts: { cpus: total('cpus'), mem: total('mem'), disk: total('disk'), gpus: total('gpus') },
      ports: supply.ports.flatMap(({ ranges }) => ranges),
    },
    tasks: 0,
    offeredAtMs: 1_000,
  };
}
