/** Which path leads where. Every endpoint of the master exists with and without `/master` (mesos-v1 §1.1, §6.3). */
import type { Master } from '../master/master.ts';
import { agentEndpoint } from './agent-endpoints.ts';
import { sendEmpty, sendJson, sendText, sendWrongMethod } from './answers.ts';
import { authenticated, type Credentials } from './authentication.ts';
import { executorEndpoint } from './executor-endpoint.ts';
import { filesEndpoints } from './files-endpoint.ts';
import { onlyLeader, onlyRecovered } from './leadership.ts';
import { maintenanceEndpoints } from './maintenance-endpoints.ts';
import { metricsView, systemView } from './metrics.ts';
import { operatorEndpoint } from './operator-endpoint.ts';
import { type Pace, schedulerEndpoint } from './scheduler-endpoint.ts';
import type { Endpoint, Routes } from './server.ts';
import { rolesView, summaryView } from './summary-views.ts';
import { flagsView, frameworksView, slavesView, stateView, tasksView, versionView } from './views.ts';

/** `simulation` answers below /simulate, if the cluster is simulated; sandboxes lie below `sandboxRoot` if there are any. */
export function createRoutes(
  master: Master,
  pace: Pace,
  simulation: Endpoint | undefined,
  credentials: Credentials | undefined,
  sandboxRoot: string | undefined,
): Routes {
  const { state } = master;
  const scheduler = schedulerEndpoint(master, pace);
  const exact = new Map<string, Endpoint>();
  const both = (path: string, endpoint: Endpoint): void => {
    exact.set(path, endpoint);
    exact.set(`/master${path}`, endpoint);
  };
  const led = (path: string, endpoint: Endpoint): void => both(path, onlyLeader(state, `/master${path}`, endpoint));
  const read = (path: string, view: View): void => led(path, viewOf(view));
  led('/api/v1/scheduler', onlyRecovered(state, authenticated(credentials, 'mesos-master-scheduler', scheduler)));
  both('/health', (_req, res) => sendEmpty(res, 200));
  both('/redirect', (_req, res) => {
    const { leadership } = state;
    if (leadership.kind === 'none') {
      sendText(res, 503, 'No leader elected');
      return;
    }
    const { hostname, port } = leadership.kind === 'following' ? leadership.leader : state.identity;
    sendEmpty(res, 307, { Location: `//${hostname}:${port}` });
  });
  read('/state', () => stateView(state, credentials !== undefined));
  read('/slaves', (query) => slavesView(state, query.get('slave_id')));
  read('/frameworks', () => frameworksView(state));
  read('/tasks', (query) => tasksView(state, query));
  read('/state-summary', () => summaryView(state));
  read('/roles', () => rolesView(state));
  read('/quota', () => ({}));
  read('/weights', () => []);
  read('/maintenance/status', () => master.maintenance.status());
  for (const [path, endpoint] of Object.entries(maintenanceEndpoints(master, credentials))) led(path, endpoint);
  both(
    '/flags',
    viewOf(() => ({ flags: flagsView(state, credentials !== undefined) })),
  );
  const executor = executorEndpoint(master);
  exact.set('/api/v1/executor', executor);
  exact.set('/version', (_req, res) => sendJson(res, versionView));
  exact.set('/system/stats.json', (_req, res) => sendJson(res, systemView()));
  exact.set('/metrics/snapshot', (_req, res) => sendJson(res, metricsView(state)));
  const operator = onlyLeader(
    state,
    '/master/api/v1',
    onlyRecovered(
      state,
      authenticated(credentials, 'mesos-master-readwrite', operatorEndpoint(master, credentials !== undefined)),
    ),
  );
  const prefixes = new Map<string, Endpoint>([
    ['/api/v1', operator],
    ['/master/api/v1', operator],
  ]);
  if (sandboxRoot !== undefined) {
    for (const [path, endpoint] of Object.entries(filesEndpoints(sandboxRoot))) exact.set(path, endpoint);
  }
  const agent = agentEndpoint(master, sandboxRoot);
  if (simulation !== undefined) prefixes.set('/simulate', simulation);
  return {
    exact,
    prefixes,
    otherwise: (req, res, url) => {
      // Libraries build the path from the agent's process id.
      if (/^\/slave(\(|%28)\d+(\)|%29)\/api\/v1\/executor$/i.test(url.pathname)) executor(req, res);
      else if (/^\/slave(\(|%28)/.test(url.pathname)) agent(req, res, url);
      else sendText(res, 404);
    },
  };
}

type View = (query: URLSearchParams) => object;

function viewOf(view: View): Endpoint {
  return (req, res, url) => {
    if (req.method !== 'GET' && req.method !== 'HEAD') sendWrongMethod(res, 'GET', req.method ?? '');
    else sendJson(res, view(url.searchParams), url.searchParams.get('jsonp') ?? undefined);
  };
}
