/** Which path leads where. Every endpoint of the master exists with and without `/master` (mesos-v1 §1.1, §6.3). */
import type { Master } from '../master/master.ts';
import { agentEndpoint, agentPaths, pathAtAgent } from './agent-endpoints.ts';
import { sendEmpty, sendJson, sendText, sendWrongMethod } from './answers.ts';
import { authenticated, type Credentials } from './authentication.ts';
import { executorEndpoint } from './executor-endpoint.ts';
import { figuresEndpoint } from './figures-endpoint.ts';
import { filesEndpoints } from './files-endpoint.ts';
import { onlyLeader, onlyRecovered } from './leadership.ts';
import { maintenanceEndpoints } from './maintenance-endpoints.ts';
import { metricsView, systemView } from './metrics.ts';
import { operatorEndpoint } from './operator-endpoint.ts';
import { type Pace, schedulerEndpoint } from './scheduler-endpoint.ts';
import type { Endpoint, Routes } from './server.ts';
import { rolesView, summaryView } from './summary-views.ts';
import { tasksView } from './task-views.ts';
import { teardownEndpoint } from './teardown-endpoint.ts';
import {
  flagsView,
  frameworksHere,
  frameworksOver,
  frameworksView,
  slavesView,
  stateView,
  tasksHere,
  versionView,
} from './views.ts';

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
  read('/frameworks', (query) => frameworksView(state, query.get('framework_id')));
  read('/tasks', (query) =>
    tasksView([...frameworksHere(state), ...frameworksOver(state)], (framework) => tasksHere(state, framework), query),
  );
  read('/state-summary', () => summaryView(state));
  read('/roles', () => rolesView(state));
  // Nobody has a quota or a weight here; writes of them are not there.
  led(
    '/quota',
    only(
      ['GET', 'POST', 'DELETE'],
      viewOf(() => ({})),
    ),
  );
  led(
    '/weights',
    only(
      ['GET', 'PUT'],
      viewOf(() => []),
    ),
  );
  led(
    '/maintenance/status',
    only(
      ['GET'],
      viewOf(() => master.maintenance.status()),
    ),
  );
  led('/teardown', authenticated(credentials, 'mesos-master-readwrite', teardownEndpoint(master)));
  for (const [path, endpoint] of Object.entries(maintenanceEndpoints(master, credentials))) led(path, endpoint);
  both(
    '/flags',
    viewOf(() => ({ flags: flagsView(state, credentials !== undefined) })),
  );
  const executor = executorEndpoint(master);
  exact.set('/api/v1/executor', executor);
  exact.set(
    '/version',
    viewOf(() => versionView),
  );
  exact.set('/system/stats.json', viewOf(systemView));
  exact.set(
    '/metrics/snapshot',
    figuresEndpoint(() => metricsView(state)),
  );
  const operator = onlyLeader(
    state,
    '/master/api/v1',
    onlyRecovered(
      state,
      authenticated(
        credentials,
        'mesos-master-readwrite',
        operatorEndpoint(master, credentials !== undefined, sandboxRoot),
      ),
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
  const atAgents =
    (endpoint: Endpoint): Endpoint =>
    (req, res, url) => {
      const path = pathAtAgent(master, req, url.pathname.replace(/\/+$/, ''));
      if (path === undefined) endpoint(req, res, url);
      else agent(req, res, new URL(path + url.search, url));
    };
  for (const path of agentPaths) exact.set(path, atAgents(exact.get(path) ?? prefixes.get(path) ?? notFound));
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

const notFound: Endpoint = (_req, res) => sendText(res, 404);

type View = (query: URLSearchParams) => object;

/** Mesos does not ask by which method these come. */
function viewOf(view: View): Endpoint {
  return (_req, res, url) => sendJson(res, view(url.searchParams), url.searchParams.get('jsonp') ?? undefined);
}

/** Those who read by GET are answered; of the other methods that Mesos knows there, it is said that they are missing. */
function only(methods: readonly string[], endpoint: Endpoint): Endpoint {
  return (req, res, url) => {
    const { method = '' } = req;
    if (!methods.includes(method)) sendWrongMethod(res, methods, method);
    else if (method === 'GET') endpoint(req, res, url);
    else sendText(res, 501);
  };
}
