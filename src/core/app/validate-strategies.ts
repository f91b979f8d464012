/** Rules of upgrades, of what is out of reach, and of apps that may have one instance only (rest-api §7.11, §9.3). */
import { externalOf } from './bodies.ts';
import type { AppDefinition } from './definition.ts';
import { isResident } from './resident.ts';
import { decimal, type Must } from './violations.ts';

/** Apps that may never have two instances, not even for a moment (rest-api §7.15). */
const isSingleInstance = ({ labels }: AppDefinition): boolean => labels['MARATHON_SINGLE_INSTANCE_APP'] === 'true';

const exactly = (value: number): string => `got ${decimal(value)}, expected 0.0`;

/**
 * The strategies of the app. An upgrade strategy that nobody gave is left to `checkPresetStrategy`, so that the rules of single
 * instances are not told twice.
 */
export function checkStrategies(app: AppDefinition, isGiven: boolean, must: Must): void {
  const { minimumHealthCapacity: health, maximumOverCapacity: over } = app.upgradeStrategy;
  const healthPath = '/upgradeStrategy/minimumHealthCapacity';
  const overPath = '/upgradeStrategy/maximumOverCapacity';
  const between = (value: number): string => `got ${decimal(value)}, expected between 0.0 and 1.0`;
  must(health >= 0 && health <= 1, healthPath, between(health));
  must(over >= 0 && over <= 1, overPath, between(over));
  const isSingle = isSingleInstance(app);
  const hasExternal = (app.container?.volumes ?? []).some((volume) => externalOf(volume) !== undefined);
  const resident = isResident(app);
  must(!isSingle || app.instances <= 1, '/', 'Single instance app may only have one instance');
  must(!(isSingle && isGiven) || health === 0, healthPath, exactly(health));
  must(!((isSingle && isGiven) || resident || hasExternal) || over === 0, overPath, exactly(over));
  checkUnreachable(app, resident, must);
}

/**
 * A single instance needs a strategy of its own, since the default one has over-capacity. Marathon sees that after everything else, and
 * names both ways out: another label, or another strategy.
 */
export function checkPresetStrategy(app: AppDefinition, must: Must): void {
  if (!isSingleInstance(app)) return;
  const { minimumHealthCapacity: health, maximumOverCapacity: over } = app.upgradeStrategy;
  must(health === 0 && over === 0, '/isSingleInstance', 'must be false');
  must(health === 0, '/upgradeStrategy/minimumHealthCapacity', exactly(health));
  must(over === 0, '/upgradeStrategy/maximumOverCapacity', exactly(over));
}

function checkUnreachable({ unreachableStrategy }: AppDefinition, resident: boolean, must: Must): void {
  if (unreachableStrategy === 'disabled') return;
  must(!resident, '/', 'unreachableStrategy must be disabled for resident tasks');
  const { inactiveAfterSeconds, expungeAfterSeconds } = unreachableStrategy;
  must(
    inactiveAfterSeconds <= expungeAfterSeconds,
    '/unreachableStrategy/inactiveAfterSeconds',
    `inactiveAfterSeconds (${inactiveAfterSeconds}) must be less or equal to expungeAfterSeconds, which is ${expungeAfterSeconds}`,
  );
}
