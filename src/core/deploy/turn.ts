/** What an app of a running deployment aims at, before, in and after the step that is about it. */
import type { AppId } from '../ids.ts';
import type { Timestamp } from '../time.ts';
import type { AffectedApp, Deployment } from './plan-types.ts';

type Plan = Pick<Deployment, 'affected' | 'steps' | 'currentStep'>;

/** The step that gives the app its orders, counted from 1; 0 if none does. A start with no instances orders nothing. */
const turnOf = ({ steps }: Plan, id: AppId): number =>
  steps.findIndex((s) => s.actions.some((a) => a.app === id && a.action !== 'StartApplication')) + 1;

/** Whether the present step gives the app its orders itself. */
export const isTurnOf = (deployment: Plan, id: AppId): boolean =>
  turnOf(deployment, id) === Math.max(1, deployment.currentStep);

/** The version that the app aims at now; undefined = none. Until its turn comes an app stays what it was. */
export function aimedAt(deployment: Plan, id: AppId): Timestamp | undefined {
  const affected = deployment.affected.find((a) => a.id === id);
  if (!affected) return undefined;
  if (turnOf(deployment, id) <= Math.max(1, deployment.currentStep)) return affected.after;
  return affected.until === undefined ? affected.before : (affected.until ?? undefined);
}

/**
 * Notes of each app what it aims at until its turn comes, where that is not the definition before the change: a deployment that was
 * forced aside may have changed the definition without having come to the app.
 */
export const untilTurn = (affected: readonly AffectedApp[], cancelled: readonly Plan[]): readonly AffectedApp[] =>
  affected.map((app) => {
    const holder = cancelled.find((d) => d.affected.some((a) => a.id === app.id));
    if (!holder) return app;
    const until = aimedAt(holder, app.id);
    return until === app.before ? app : { ...app, until: until ?? null };
  });
