/** Rules that shut an agent to an app whatever it has to offer (behaviour §2.4, §2.7, §2.8). */
import type { AppDefinition } from '../app/definition.ts';
import type { AgentInfo } from '../instance/instance.ts';
import type { Unavailability } from '../mesos/types.ts';
import type { MatchSettings } from './demand.ts';
import type { AppNeeds } from './needs.ts';

const nanosPerMs = 1e6;

/**
 * True if the machine is under maintenance, or will be within the draining time (V108, V109). Without a duration the
 * maintenance never ends.
 */
export function isUnavailable(
  offer: { readonly unavailability?: Unavailability | undefined },
  settings: MatchSettings,
  nowMs: number,
): boolean {
  const startNanos = offer.unavailability?.start?.nanoseconds;
  if (!settings.maintenanceMode || startNanos === undefined) return false;
  const startMs = startNanos / nanosPerMs;
  if (nowMs <= startMs - settings.drainingSeconds * 1000) return false;
  const durationNanos = offer.unavailability?.duration?.nanoseconds;
  return durationNanos === undefined || nowMs <= startMs + durationNanos / nanosPerMs;
}

/**
 * True if the agent stands in another region than the master and the app has no constraint that names a region or
 * zone.
 */
export function isForeignRegion(agent: AgentInfo, needs: AppNeeds, settings: MatchSettings): boolean {
  return (
    !needs.choosesDomain &&
    settings.masterRegion !== undefined &&
    agent.region !== undefined &&
    agent.region !== settings.masterRegion
  );
}

/** True if GPUs are on offer that the app has no use for, and such agents are kept for those that have (V110). */
export function isTooScarce(app: AppDefinition, gpusMilli: number, settings: MatchSettings): boolean {
  if (gpusMilli <= 0 || app.gpus > 0) return false;
  const asked = app.labels['GPU_SCHEDULING_BEHAVIOR']?.toLowerCase();
  return (asked === 'restricted' || asked === 'unrestricted' ? asked : settings.gpuScheduling) === 'restricted';
}
