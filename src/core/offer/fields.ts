/** What a constraint sees of an agent: its field values as text (behaviour §3.1). */
import type { AgentInfo } from '../instance/instance.ts';
import type { Attribute, Offer } from '../mesos/types.ts';

/** The agent behind an offer, as it is kept with an instance launched there. */
export function agentOf(offer: Offer): AgentInfo {
  const domain = offer.domain?.fault_domain;
  return {
    host: offer.hostname,
    agentId: offer.agent_id.value,
    ...(domain === undefined ? {} : { region: domain.region.name, zone: domain.zone.name }),
    attributes: offer.attributes ?? [],
  };
}

/**
 * Text of a constraint's field on an agent, undefined if the agent lacks it. Of attributes with one name the first
 * counts.
 */
export function fieldValue(agent: AgentInfo, field: string): string | undefined {
  switch (field) {
    case 'hostname':
    case '@hostname':
      return agent.host;
    case '@region':
      return agent.region;
    case '@zone':
      return agent.zone;
    default:
      for (const attribute of agent.attributes) if (attribute.name === field) return attributeText(attribute);
      return undefined;
  }
}

function attributeText(attribute: Attribute): string {
  switch (attribute.type) {
    case 'TEXT':
      return attribute.text?.value ?? '';
    case 'SCALAR':
      return formatScalar(attribute.scalar?.value ?? 0);
    case 'RANGES': {
      const ranges = [...(attribute.ranges?.range ?? [])].sort((a, b) => a.begin - b.begin);
      return `[${ranges.map(({ begin, end }) => `${begin}-${end}`).join(',')}]`;
    }
    case 'SET':
      return `{${[...(attribute.set?.item ?? [])].sort().join(',')}}`;
  }
}

/** At most three decimals, a tie goes to the even digit, no trailing zeros: Java's `0.###`. */
export function formatScalar(value: number): string {
  // A tie at the fourth decimal is exact only for odd multiples of 1/16; everything else toFixed rounds as Java does.
  const isTie = Number.isInteger(value * 16) && Math.abs((value * 16) % 2) === 1;
  const floor = Math.floor(value * 1000);
  const text = isTie ? ((floor % 2 === 0 ? floor : floor + 1) / 1000).toFixed(3) : value.toFixed(3);
  const short = text.replace(/\.?0+$/, '');
  return short === '-0' ? '0' : short;
}

/** Field values of one agent, each computed once. */
export interface AgentView {
  readonly agent: AgentInfo;
  readonly valueOf: (field: string) => string | undefined;
}

/** Remembers the field values of an agent for as long as the view lives. */
export function viewOf(agent: AgentInfo): AgentView {
  const known = new Map<string, string | undefined>();
  const lookUp = (field: string): string | undefined => {
    const value = known.get(field);
    if (value !== undefined || known.has(field)) return value;
    const computed = fieldValue(agent, field);
    known.set(field, computed);
    return computed;
  };
  return { agent, valueOf: lookUp };
}
