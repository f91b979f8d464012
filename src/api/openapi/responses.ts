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
};

const action = Type.Object({ action: text, app: maybe(text), pod: maybe(text) });
const step = exactly({ actions: list(action) });

/** Every named schema. */
export const answerSchemas: Readonly<Record<string, TSchema>> = {
  Error: exactly({
    message: text,
    details: maybe(Type.Union([text, list(exactly({ path: text, errors: list(text) }))])),
    deployments: maybe(list(exactly({ id: text }))),
  }),
  DeploymentResult: exactly({ version: stamp, deploymentId: text }),
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
    version: stamp,
    role: text,
    region: maybe(text),
    zone: maybe(text),
    localVolumes: list(Type.Object({})),
    healthCheckResults: list(Type.Object({ alive: Type.Boolean(), instanceId: text })),
    checkResult: maybe(Type.Object({})),
  }),
  Group: exactly({
    id: text,
    apps: maybe(list(ref('AppInfo'))),
    groups: maybe(list(ref('Group'))),
    pods: maybe(list(Type.Object({}))),
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
    version: stamp,
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
  QueueItem: exactly({
    app: ref('App'),
    count,
    role: text,
    since: stamp,
    delay: exactly({ timeLeftSeconds: count, overdue: Type.Boolean() }),
    processedOffersSummary: Type.Object({ processedOffersCount: count, unusedOffersCount: count }),
    lastUnusedOffers: maybe(list(Type.Object({}))),
  }),
  Amounts: exactly({ cpus: Type.Number(), mem: Type.Number(), disk: Type.Number(), gpus: Type.Number() }),
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
