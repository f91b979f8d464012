/** What the numbers of the API mean, in the words that Marathon's users know. Pure functions. */

/** Application status, the queue last since it overrides everything: `{word, hint}`. */
export function appStatus(app, queued) {
  const { delay } = queued ?? {};
  if (delay !== undefined) {
    if (delay.overdue) return { word: 'Waiting', hint: 'Waiting for resource offer' };
    return { word: 'Delayed', hint: `Task execution failed, delayed for ${duration(delay.timeLeftSeconds)}` };
  }
  if ((app.deployments ?? []).length > 0)
    return { word: 'Deploying', hint: 'A deployment is changing this application' };
  if (app.instances === 0 && app.tasksRunning === 0) return { word: 'Suspended', hint: 'Scaled to 0 instances' };
  if (app.tasksRunning > 0) return { word: 'Running', hint: '' };
  return { word: 'Starting', hint: 'Nothing runs yet' };
}

const labels = {
  healthy: 'healthy',
  unhealthy: 'unhealthy',
  unknown: 'unknown',
  staged: 'staged',
  overCapacity: 'over capacity',
  unscheduled: 'unscheduled',
};

/** The parts of the health bar in their order: `[{kind, label, count}]`, all six of them. */
export function healthParts(app) {
  const { instances, tasksHealthy: healthy, tasksUnhealthy: unhealthy, tasksRunning, tasksStaged: staged } = app;
  const unknown = Math.max(0, tasksRunning - healthy - unhealthy);
  const sum = healthy + unhealthy + unknown + staged;
  const overCapacity = Math.max(0, sum - instances);
  const unscheduled = Math.max(0, instances - sum);
  const counts = { healthy, unhealthy, unknown, staged, overCapacity, unscheduled };
  return Object.entries(labels).map(([kind, label]) => ({ kind, label, count: counts[kind] }));
}

/** The parts that are not zero, as a sentence for those who do not see the bar. */
export function healthText(app) {
  const parts = healthParts(app).filter(({ count }) => count > 0);
  return parts.length === 0 ? 'no instances' : parts.map(({ count, label }) => `${count} ${label}`).join(', ');
}

/** Healthy when every check has succeeded once and is alive now; unknown without results. */
export function taskHealth({ healthCheckResults: results = [] }) {
  if (results.length === 0) return 'unknown';
  return results.every((result) => result.firstSuccess && result.alive) ? 'healthy' : 'unhealthy';
}

/** One address for each host port, none where host and port make no URL: `[{text, href}]`. */
export function taskLinks({ host, ports = [] }) {
  const name = String(host).includes(':') ? `[${host}]` : String(host);
  if (!/^[A-Za-z0-9._-]+$|^\[[0-9A-Fa-f:.]+\]$/.test(name)) return [];
  return ports
    .map((port) => ({ text: `${name}:${port}`, href: `http://${name}:${port}`, port }))
    .filter(({ href, port }) => Number.isInteger(port) && URL.canParse(href));
}

const units = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
];

/** Seconds in the largest unit that fits: `90` → `1 min`. */
export function duration(seconds) {
  const [name, size] = units.find(([, size]) => seconds >= size) ?? ['s', 1];
  return `${Math.floor(seconds / size)} ${name}`;
}
