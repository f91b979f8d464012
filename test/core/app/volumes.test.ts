import { describe, expect, it } from 'vitest';
import { type AppSettings, defaultAppSettings } from '../../../src/core/app/settings.ts';
import { type Body, complaints, create, define, update, withFeatures } from './given.ts';

const sleep = { cmd: 'sleep 9' };
const resident = { ...defaultAppSettings, mesosRole: 'm' };
const volume = (persistent: Body, more: Body = {}): Body => ({
  ...sleep,
  container: { type: 'MESOS', volumes: [{ containerPath: 'data', mode: 'RW', persistent, ...more }] },
});
const external = (more: Body, container: Body = { type: 'MESOS' }, volumeMore: Body = {}): Body => ({
  cmd: 'a',
  container: {
    ...container,
    volumes: [
      {
        containerPath: 'data',
        mode: 'RW',
        external: { provider: 'dvdi', name: 'v', options: { 'dvdi/driver': 'rexray' }, ...more },
        ...volumeMore,
      },
    ],
  },
});
const feature = (name: string): string => `Feature ${name} is not enabled. Enable with --enable_features ${name})`;

type Row = readonly [sentence: string, request: Body, complaint: string, settings?: AppSettings];

const rules: readonly Row[] = [
  [
    'a persistent volume lies in the sandbox',
    volume({ size: 1 }, { containerPath: 'a/b' }),
    '/container/volumes(0)/containerPath: value must not contain "/"',
    resident,
  ],
  [
    'a persistent volume is written',
    volume({ size: 1 }, { mode: 'RO' }),
    '/container/volumes(0)/mode: does not equal RW',
    resident,
  ],
  [
    'a persistent volume has a size',
    volume({ size: 0 }),
    '/container/volumes(0)/persistent/size: got 0, expected more than 0',
    resident,
  ],
  [
    'only mount volumes may grow',
    volume({ size: 1, maxSize: 2 }),
    '/container/volumes(0)/persistent: Only mount volumes can have maxSize',
    resident,
  ],
  [
    'a volume may grow',
    volume({ type: 'mount', size: 2, maxSize: 2 }),
    '/container/volumes(0)/persistent: Max size must be larger than size',
    resident,
  ],
  [
    'root volumes have no constraints',
    volume({ size: 1, constraints: [['path', 'LIKE', 'a']] }),
    '/container/volumes(0)/persistent: Constraints on root volumes are not supported',
    resident,
  ],
  [
    'constraints of volumes are about the path',
    volume({ type: 'path', size: 1, constraints: [['rack', 'LIKE', 'a']] }),
    '/container/volumes(0)/persistent/constraints(0): Unsupported constraint rack,LIKE,a',
    resident,
  ],
  ['resident apps have a role of their own', volume({ size: 1 }), '/role: Resident apps cannot have the role *'],
  [
    'resident apps accept unreserved resources only',
    { ...volume({ size: 1 }), acceptedResourceRoles: ['m'] },
    '/acceptedResourceRoles: A resident app must have `acceptedResourceRoles = ["*"]`.',
    resident,
  ],
  [
    'resident apps are not given up',
    { ...volume({ size: 1 }), unreachableStrategy: { inactiveAfterSeconds: 0, expungeAfterSeconds: 0 } },
    '/: unreachableStrategy must be disabled for resident tasks',
    resident,
  ],
  ['external volumes need the feature', external({}), `/container/volumes(0): ${feature('external_volumes')}`],
  [
    'the provider is known',
    external({ provider: 'x' }),
    '/container/volumes(0)/external/provider: is unknown provider',
    withFeatures('external_volumes'),
  ],
  [
    'DVDI has a driver',
    external({ options: {} }),
    '/container/volumes(0)/external/options("dvdi/driver"): not defined',
    withFeatures('external_volumes'),
  ],
  [
    'DVDI in Docker has no size',
    external({ size: 5 }, { docker: { image: 'a' } }),
    '/container/volumes(0)/external/size: must be undefined for Docker containers',
    withFeatures('external_volumes'),
  ],
  [
    'DVDI has one instance',
    { ...external({}), instances: 2 },
    '/: Number of instances is limited to 1 when declaring DVDI volumes in app [/web]',
    withFeatures('external_volumes'),
  ],
  [
    'CSI volumes that are only read are mounted so',
    external({
      provider: 'csi',
      options: { pluginName: 'p', capability: { accessMode: 'MULTI_NODE_READER_ONLY', accessType: 'mount' } },
    }),
    '/container/volumes(0): CSI volume must be mounted readonly with a read-only access mode',
    withFeatures('external_volumes'),
  ],
  [
    'secret volumes name a declared secret',
    { ...sleep, container: { type: 'MESOS', volumes: [{ containerPath: 'a', secret: 's' }] } },
    '/container/volumes(0): volume.secret must refer to an existing secret',
    withFeatures('secrets'),
  ],
];

describe('rules of volumes (rest-api §7.3, §9.3)', () => {
  for (const [sentence, request, complaint, settings = defaultAppSettings] of rules) {
    it(`${sentence}`, () => {
      expect(complaints(create(request, settings))).toContain(complaint);
    });
  }
});

describe('updates of apps with persistent volumes (rest-api §9.4)', () => {
  const app = define(volume({ size: 10 }), resident);
  const fixed = (what: string): string =>
    `Services with persistent volumes configured may not change ${what}. ` +
    'If you need to make this change, please create a new service.';
  const changes: readonly (readonly [request: Body, complaint: string])[] = [
    [
      { container: (volume({ size: 20 }) as { container: Body }).container },
      '/: Persistent volumes can not be changed!',
    ],
    [{ container: { type: 'MESOS' } }, '/: Persistent volumes can not be changed!'],
    [{ cpus: 2 }, `/cpus: ${fixed('resource requirements')}`],
    [{ portDefinitions: [] }, `/: ${fixed('host ports')}`],
  ];
  it.each(changes)('%j is refused', (request, complaint) => {
    expect(complaints(update(app, request, resident))).toContain(complaint);
  });

  it('may change the command', () => {
    expect(complaints(update(app, { cmd: 'sleep 1' }, resident))).toEqual([]);
  });

  it('may change the role only by force', () => {
    const grouped = define({ ...volume({ size: 10 }), id: '/dev/db' }, resident);
    expect(complaints(update(grouped, { role: 'dev' }, resident))).toHaveLength(1);
    expect(complaints(update(grouped, { role: 'dev' }, resident, true))).toEqual([]);
  });
});
