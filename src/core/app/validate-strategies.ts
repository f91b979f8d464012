/** Rules of upgrades, of what is out of reach, and of apps that may have one instance only (rest-api §7.11, §9.3). */
import { externalOf } from './bodies.ts';
import type { AppDefinition } from './definition.ts';
import { isResident } from './resident.ts';
import { decimal, type Must } from './violations.ts';

/** The strategies of the app. */
export function checkStrategies(app: AppDefinition, must: Must): void {
  const { minimumHealthCapacity: health, maximumOverCapacity: over } = app.upgradeStrategy;
  const healthPath = '/upgradeStrategy/minimumHealthCapacity';
  const overPath = '/upgradeStrategy/maximumOverCapacity';
  const between = (value: number): string => `got ${decimal(value)}, expected between 0.0 and 1.0`;
  must(health >= 0 && health <= 1, healthPath, between(health));
  must(over >= 0 && over <= 1, overPath, between(over));
  const isSingle = app.labels['MARATHON_SINGLE_INSTANCE_APP'] === 'true';
  const hasExternal = (app.container?.volumes ?? []).some((volume) => externalOf(volume) !== undefined);
  const resident = isResident(app);
  must(!isSingle || app.instances <= 1, '/', 'Single instance app may only have one instance');
  must(!isSingle || health === 0, healthPath, `got ${decimal(health)}, expected 0.0`);
  must(!(isSingle || resident || hasExternal) || over === 0, overPath, `got ${decimal(over)}, expected 0.0`);
  checkUnreachable(app, resident, must);
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
