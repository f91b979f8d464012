/**
 * Service ports: unique over all apps where the server chooses them (behaviour §2.5, V127). An app asks for one with port 0; it gets back
 * what it had before, else the lowest number that nobody uses.
 */
import { type Refusal, refusal } from '../refusal.ts';
import { err, ok, type Result } from '../result.ts';
import type { AppDefinition } from './definition.ts';
import { isHostNetworked, portEntries } from './definition.ts';
import type { AppSettings } from './settings.ts';

/** From `localPortMin`, up to but without `localPortMax`. */
export type PortRange = Pick<AppSettings, 'localPortMin' | 'localPortMax'>;

/** The service ports of an app, in the order of its port entries; 0 = not assigned yet. */
export const servicePortsOf = (app: AppDefinition): readonly number[] =>
  portEntries(app).map((entry) => entry.servicePort);

const isInRange = (port: number, range: PortRange): boolean => port >= range.localPortMin && port < range.localPortMax;

/**
 * Gives the app the service ports of its predecessor wherever it asks for one: the one at the same position first, then any other that is
 * left. Only ports of the range are passed on, and none that the new definition names itself. What finds none stays 0.
 */
export function keepServicePorts(
  app: AppDefinition,
  before: AppDefinition | undefined,
  range: PortRange,
): AppDefinition {
  const wanted = servicePortsOf(app);
  if (!before || !wanted.includes(0)) return app;
  const named = new Set(wanted);
  const old = servicePortsOf(before).map((port) => (isInRange(port, range) && !named.has(port) ? port : undefined));
  const atSamePosition = wanted.map((port, i) => (port === 0 ? (old[i] ?? 0) : port));
  const taken = new Set(atSamePosition);
  const left = old.filter((port) => port !== undefined && !taken.has(port));
  return withServicePorts(
    app,
    atSamePosition.map((port) => (port === 0 ? (left.shift() ?? 0) : port)),
  );
}

function withServicePorts(app: AppDefinition, ports: readonly number[]): AppDefinition {
  const portAt = (i: number): number => ports[i] ?? 0;
  if (isHostNetworked(app)) {
    if (!app.portDefinitions) return app;
    return { ...app, portDefinitions: app.portDefinitions.map((d, i) => ({ ...d, port: portAt(i) })) };
  }
  if (!app.container?.portMappings) return app;
  const portMappings = app.container.portMappings.map((m, i) => ({ ...m, servicePort: portAt(i) }));
  return { ...app, container: { ...app.container, portMappings } };
}

/** The service ports of all apps. A port may be in use more than once: numbers that users choose may clash. */
export class ServicePorts {
  readonly range: PortRange;
  readonly #uses = new Map<number, number>();
  /** No port of the range below this one is free. */
  #lowestFree: number;

  constructor(range: PortRange) {
    this.range = range;
    this.#lowestFree = range.localPortMin;
  }

  /** Takes over a change: `before` is given up, `after` is in use from now on. Costs O(ports of the two). */
  replace(before: AppDefinition | undefined, after: AppDefinition | undefined): void {
    if (before === after) return;
    for (const port of after ? servicePortsOf(after) : []) this.#uses.set(port, (this.#uses.get(port) ?? 0) + 1);
    for (const port of before ? servicePortsOf(before) : []) this.#release(port);
  }

  /** True if some app uses the port. */
  has(port: number): boolean {
    return this.#uses.has(port);
  }

  /** The lowest port from `start` on that no app uses, undefined if there is none. */
  lowestFreeFrom(start: number): number | undefined {
    while (this.#uses.has(this.#lowestFree)) this.#lowestFree += 1;
    let port = Math.max(start, this.#lowestFree);
    while (this.#uses.has(port)) port += 1;
    return isInRange(port, this.range) ? port : undefined;
  }

  #release(port: number): void {
    const uses = this.#uses.get(port) ?? 0;
    if (uses > 1) {
      this.#uses.set(port, uses - 1);
      return;
    }
    this.#uses.delete(port);
    if (port < this.#lowestFree && isInRange(port, this.range)) this.#lowestFree = port;
  }
}

/** One app of a change that may ask for service ports. */
export interface PortRequest {
  readonly before: AppDefinition | undefined;
  readonly after: AppDefinition;
}

/**
 * Assigns what the apps of one change ask for; the apps come back in order, those that ask for nothing as they are. `inUse` is not changed:
 * tell it with `replace` once the change is accepted. Ports that the change names or gives up are not handed out. Refused with 422
 * `portsExhausted` if the range has too few.
 */
export function assignServicePorts(
  requests: readonly PortRequest[],
  inUse: ServicePorts,
): Result<readonly AppDefinition[], Refusal> {
  const { range } = inUse;
  const apps = requests.map(({ after, before }) => keepServicePorts(after, before, range));
  const taken = new Set(apps.flatMap(servicePortsOf));
  let next: number | undefined = range.localPortMin;
  const lowest = (): number => {
    while (next !== undefined) {
      const port = inUse.lowestFreeFrom(next);
      next = port === undefined ? undefined : port + 1;
      if (port !== undefined && !taken.has(port)) return port;
    }
    return 0;
  };
  const assigned: AppDefinition[] = [];
  for (const app of apps) {
    const ports = servicePortsOf(app);
    const complete = ports.includes(0) ? ports.map((port) => (port === 0 ? lowest() : port)) : ports;
    if (complete.includes(0)) return err(exhausted(range));
    assigned.push(complete === ports ? app : withServicePorts(app, complete));
  }
  return ok(assigned);
}

const exhausted = ({ localPortMin, localPortMax }: PortRange): Refusal =>
  refusal('portsExhausted', `All ports in the range [${localPortMin}-${localPortMax}) are already in use`);
