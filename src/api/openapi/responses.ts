/** What answers look like, for the description of the API. Members that are not listed are not sent. */
import { type TSchema, Type } from 'typebox';
import { appBody } from '../schemas/app.ts';

const text = Type.String();
const count = Type.Integer({ minimum: 0 });
const stamp = Type.String({ format: 'date-time' });
const list = (item: TSchema) => Type.Array(item);
const maybe = Type.Optional;
const ref = (name: string) => Type.Unsafe({ $ref: `#/components/schemas/${name}` });
const exactly = (members: Record<string, TSchema>) => Type.Object(members, { additionalProperties: false });

/** Members of a definition that only requests have: they are rewritten (rest-api §8.1). */
const requestOnly = ['ports', 'uris', 'ipAddress', 'residency'] as const;
const { version: _version, id: _id, ...definitionMembers } = Type.Omit(appBody, requestOnly).properties;

const app = {
  id: text,
  ...definitionMembers,
  residency: maybe(Type.Object({})),
  version: stamp,
  versionInfo: exactly({ lastScalingAt: stamp, lastConfigChangeAt: stamp }),
};

const appInfo = {
  ...app,
  tasksStaged: maybe(count),
  tasksRunning: maybe(count),
  tasksHealthy: maybe(count),
  tasksUnhealthy: maybe(count),
  deployments: maybe(list(exactly({ id: text }))),
  readinessCheckResults: maybe(list(Type.Object({}))),
  tasks: maybe(list(ref('Task'))),
  lastTaskFailure: maybe(Type.Object({})),
  taskStats: maybe(Type.Object({})),
  tasksStats: maybe(Type.Object({})),
  warnings: maybe(list(ref('Warning'))),
};

const action = Type.Object({ action: text, app: maybe(text), pod: maybe(text) });
const step = exactly({ actions: list(action) });

const amounts = { cpus: Type.Number(), mem: Type.Number(), disk: Type.Number(), gpus: Type.Number() };

/** How an app stands. */
const whyHead = {
  state: text,
  summary: text,
  instances: ref('InstanceCounts'),
  delay: maybe(ref('Delay')),
  warnings: list(ref('Warning')),
};

/** Why agents do not take an app. */
const whyNot = {
  agents: count,
  fitting: count,
  lastOfferAt: maybe(stamp),
  reasons: list(exactly({ reason: text, text, agents: count, agentsInAll: count, example: text })),
  nearest: list(ref('NearMiss')),
};

/** Every named schema. */
export const answerSchemas: Readonly<Record<string, TSchema>> = {
  Error: exactly({
    message: text,
    details: maybe(Type.Union([text, list(exactly({ path: text, errors: list(text) }))])),
    deployments: maybe(list(exactly({ id: text }))),
  }),
  DeploymentResult: exactly({ version: stamp, deploymentId: text }),
  ChangeResult: exactly({ version: stamp, deploymentId: text, warnings: maybe(list(ref('Warning'))) }),
  Warning: exactly({ code: text, appId: maybe(text), message: text, ids: maybe(list(text)), more: maybe(count) }),
  App: exactly(app),
  AppInfo: exactly(appInfo),
  Task: exactly({
    id: text,
    appId: text,
    host: text,
    slaveId: maybe(text),
    state: text,
    ports: list(count),
    servicePorts: list(count),
    ipAddresses: list(exactly({ ipAddress: text, protocol: text })),
    stagedAt: maybe(stamp),
    startedAt: maybe(stamp),
    version: maybe(stamp),
    role: text,
    region: maybe(text),
    zone: maybe(text),
    localVolumes: list(Type.Object({})),
    healthCheckResults: list(Type.Object({ alive: Type.Boolean(), instanceId: text })),
    checkResult: maybe(Type.Object({})),
  }),
  Group: exactly({
    id: text,
    apps: list(ref('AppInfo')),
    groups: list(ref('Group')),
    pods: list(Type.Object({})),
    dependencies: list(text),
    version: stamp,
    enforceRole: maybe(Type.Boolean()),
  }),
  Steps: exactly({ steps: list(step) }),
  Plan: exactly({
    steps: list(step),
    created: list(text),
    restarted: list(text),
    removed: list(text),
    kills: count,
    tasks: maybe(list(text)),
    version: maybe(stamp),
    capacity: exactly({ before: ref('Demand'), after: ref('Demand') }),
  }),
  Demand: exactly({
    instances: count,
    cpus: Type.Number(),
    mem: Type.Number(),
    disk: Type.Number(),
    gpus: Type.Number(),
  }),
  Deployment: exactly({
    id: text,
    version: stamp,
    affectedApps: list(text),
    affectedPods: list(text),
    steps: list(step),
    currentActions: list(Type.Object({ action: text })),
    currentStep: count,
    totalSteps: count,
  }),
  OneDeployment: exactly({
    id: text,
    version: stamp,
    affectedApps: list(text),
    affectedPods: list(text),
    steps: list(exactly({ actions: list(action), startedAt: maybe(stamp), endedAt: maybe(stamp) })),
    currentActions: list(Type.Object({ action: text })),
    currentStep: count,
    totalSteps: count,
    startedAt: stamp,
    deadlineAt: maybe(stamp),
    maxLaunchAttempts: maybe(count),
    onFailure: maybe(text),
    status: text,
    reason: maybe(text),
    pausedAt: maybe(stamp),
    waitingFor: maybe(list(text)),
    result: maybe(text),
    successor: maybe(text),
    endedAt: maybe(stamp),
  }),
  SubscriptionEvent: exactly({ eventType: text, clientIp: text, callbackUrl: text, timestamp: stamp }),
  InstanceCounts: exactly({ target: count, running: count, starting: count, unreachable: count, waiting: count }),
  Delay: exactly({ until: stamp, timeLeftSeconds: count }),
  NearMiss: exactly({ agentId: text, hostname: text, agents: count, text, changes: list(Type.Object({ type: text })) }),
  Why: exactly({
    appId: text,
    ...whyHead,
    needs: exactly({
      ...amounts,
      ports: list(Type.Union([count, Type.Null()])),
      constraints: list(list(text)),
    }),
    deployments: list(exactly({ id: text, currentStep: count, totalSteps: count })),
    lastTaskFailure: maybe(Type.Object({})),
    waiting: list(
      exactly({
        role: text,
        acceptedResourceRoles: list(text),
        count,
        instances: list(exactly({ id: text, since: stamp, launches: count })),
        ...whyNot,
        agentsNotListed: count,
        perAgent: list(Type.Object({ agentId: text, hostname: text, fits: Type.Boolean(), tasks: count })),
      }),
    ),
  }),
  ShortWhy: exactly({ ...whyHead, waiting: list(exactly({ role: text, count, ...whyNot })) }),
  QueueItem: exactly({
    app: ref('App'),
    count,
    role: text,
    since: stamp,
    delay: exactly({ timeLeftSeconds: count, overdue: Type.Boolean() }),
    processedOffersSummary: Type.Object({ processedOffersCount: count, unusedOffersCount: count }),
    lastUnusedOffers: maybe(list(Type.Object({}))),
    why: maybe(ref('ShortWhy')),
  }),
  Amounts: exactly(amounts),
  Agent: exactly({
    id: text,
    hostname: text,
    state: text,
    region: maybe(text),
    zone: maybe(text),
    attributes: list(Type.Object({ name: text })),
    resources: exactly({ used: ref('Amounts'), offered: maybe(ref('Amounts')), total: maybe(ref('Amounts')) }),
    tasks: list(exactly({ id: text, appId: text, state: text })),
    lastOfferAt: maybe(stamp),
    drain: maybe(exactly({ startsAt: stamp, durationSeconds: maybe(count) })),
  }),
  SandboxFile: exactly({
    path: text,
    size: count,
    mode: text,
    isDirectory: Type.Boolean(),
    modifiedAt: stamp,
    user: text,
    group: text,
    links: count,
  }),
  FilePart: exactly({ data: text, offset: count, next: count, size: count }),
  Info: exactly({
    name: text,
    version: text,
    buildref: text,
    elected: Type.Boolean(),
    leader: Type.Union([text, Type.Null()]),
    frameworkId: Type.Union([text, Type.Null()]),
    marathon_config: Type.Object({}),
    zookeeper_config: Type.Object({}),
    http_config: Type.Object({}),
  }),
};

/** Reference to one of them. */
export const answer = ref;
