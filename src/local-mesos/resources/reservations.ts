/** How a resource is reserved: both forms of the wire as one stack (mesos-v1 §3.4). */
import type { Labels, ReservationInfo, Resource } from '../../core/mesos/types.ts';

/** From the outermost role inwards; empty: unreserved. */
export type Reservations = readonly ReservationInfo[];

export const unreserved: Reservations = [];

/** Reads either form. A bare role is a static reservation. */
export function reservationsOf(resource: Resource): Reservations {
  const { reservations, reservation, role = '*' } = resource;
  if (reservations !== undefined && reservations.length > 0) return reservations;
  if (role === '*') return unreserved;
  return [reservation === undefined ? { type: 'STATIC', role } : { ...reservation, type: 'DYNAMIC', role }];
}

/** The role that may use it. */
export const effectiveRole = (reservations: Reservations): string => reservations.at(-1)?.role ?? '*';

/** Equal for equal reservations, whatever the order of their members was. */
export const reservationKey = (reservations: Reservations): string =>
  reservations
    .map(({ type, role, principal, labels }) => `(${type} ${role},${principal ?? ''},${labelsKey(labels)})`)
    .join('');

const labelsKey = (labels: Labels | undefined): string =>
  (labels?.labels ?? []).map(({ key, value }) => `${key}=${value ?? ''}`).join(';');

/** The JSON members of a resource that say how it is reserved. */
export function reservationJson(reservations: Reservations, asStack: boolean): string {
  if (asStack) return reservations.length === 0 ? '' : `,"reservations":${JSON.stringify(reservations.map(inOrder))}`;
  const top = reservations.at(-1);
  const role = `,"role":${JSON.stringify(top?.role ?? '*')}`;
  return top === undefined || top.type === 'STATIC' ? role : `${role}${oldReservation(top)}`;
}

/** The old member of a dynamic reservation; nothing for others. */
export function oldReservation({ type, principal, labels }: ReservationInfo): string {
  if (type === 'STATIC') return '';
  const old = { ...(principal === undefined ? {} : { principal }), ...(labels === undefined ? {} : { labels }) };
  return `,"reservation":${JSON.stringify(old)}`;
}

const inOrder = ({ type, role, principal, labels }: ReservationInfo): ReservationInfo => ({
  ...(type === undefined ? {} : { type }),
  ...(role === undefined ? {} : { role }),
  ...(principal === undefined ? {} : { principal }),
  ...(labels === undefined ? {} : { labels }),
});

/** For error texts: ` (reservations: [(DYNAMIC,dev,probe)])`, without the blank; nothing when unreserved. */
export function formatReservations(reservations: Reservations): string {
  if (reservations.length === 0) return '';
  const parts = reservations.map(({ type, role, principal, labels }) => {
    const texts = (labels?.labels ?? []).map(({ key, value }) => `${key}: ${value ?? ''}`);
    return `(${[type, role, principal, texts.length === 0 ? undefined : `{${texts.join(', ')}}`].filter(Boolean).join(',')})`;
  });
  return `(reservations: [${parts.join(', ')}])`;
}
