/** Whether and where tests may make cgroups: as root on a machine with version 1, or a version 2 that is ours. */
import { existsSync } from 'node:fs';

/** Listed in skips.json for who may make none. */
export const hasCgroups = !(process.env['ULTRAMARATHON_TEST_MISSING'] ?? '').split(',').includes('cgroups');
/** With version 2 the top is the one place where processes do not stand in the way. */
export const cgroupPlace = existsSync('/sys/fs/cgroup/memory') ? {} : { cgroupsRoot: '/' };
