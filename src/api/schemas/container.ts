/** Containers, volumes, networks and ports as requests carry them (rest-api §7.3–7.5), deprecated members included. */
import { Type } from 'typebox';
import {
  flag,
  int,
  labels,
  mapOf,
  networkName,
  nonEmptyText,
  oneOf,
  optional,
  port,
  portName,
  protocol,
  text,
} from './parts.ts';

export const portDefinition = Type.Object({
  port: optional(port),
  protocol: optional(protocol),
  name: optional(portName),
  labels: optional(labels),
});

const portMapping = Type.Object({
  containerPort: optional(port),
  hostPort: optional(port),
  servicePort: optional(port),
  protocol: optional(protocol),
  name: optional(portName),
  labels: optional(labels),
  networkNames: optional(Type.Array(networkName)),
});

export const network = Type.Object({
  mode: optional(oneOf('host', 'container', 'container/bridge')),
  name: optional(networkName),
  labels: optional(labels),
});

const docker = Type.Object({
  image: nonEmptyText,
  forcePullImage: optional(flag),
  privileged: optional(flag),
  parameters: optional(Type.Array(Type.Object({ key: nonEmptyText, value: text }))),
  pullConfig: optional(Type.Object({ secret: nonEmptyText })),
  credential: optional(Type.Object({ principal: optional(text), secret: optional(text) })),
  network: optional(oneOf('BRIDGE', 'HOST', 'NONE', 'USER')),
  portMappings: optional(Type.Array(portMapping)),
});

const persistent = Type.Object({
  type: optional(oneOf('root', 'path', 'mount')),
  size: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  maxSize: optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
  profileName: optional(nonEmptyText),
  constraints: optional(Type.Array(Type.Array(text))),
});

/** The options of DVDI are texts; those of CSI are the nested members (rest-api §7.3). */
const externalOptions = Type.Unsafe<Readonly<Record<string, unknown>>>({
  type: 'object',
  properties: {
    capability: Type.Object({
      accessMode: oneOf(
        'SINGLE_NODE_WRITER',
        'SINGLE_NODE_READER_ONLY',
        'MULTI_NODE_READER_ONLY',
        'MULTI_NODE_SINGLE_WRITER',
        'MULTI_NODE_MULTI_WRITER',
      ),
      accessType: oneOf('block', 'mount'),
      fsType: optional(text),
      mountFlags: optional(Type.Array(text)),
    }),
    nodeStageSecret: mapOf(text),
    nodePublishSecret: mapOf(text),
    volumeContext: mapOf(text),
  },
  additionalProperties: text,
  propertyNames: { pattern: '^(?!__proto__$)' },
});

const external = Type.Object({
  provider: text,
  name: nonEmptyText,
  size: optional(int()),
  options: optional(externalOptions),
  shared: optional(flag),
});

/** The member that a volume has besides its path tells its kind; one with none of them is a host volume. */
const requiredByKind = {
  if: { anyOf: [{ required: ['persistent'] }, { required: ['external'] }] },
  // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema.
  then: { required: ['mode'] },
  // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema.
  else: { if: { required: ['secret'] }, then: {}, else: { required: ['hostPath', 'mode'] } },
};

const volume = Type.Object(
  {
    containerPath: Type.String({ minLength: 1 }),
    mode: optional(oneOf('RO', 'RW')),
    hostPath: optional(nonEmptyText),
    persistent: optional(persistent),
    external: optional(external),
    secret: optional(nonEmptyText),
  },
  requiredByKind,
);

const linuxInfo = Type.Object({
  seccomp: optional(Type.Object({ profileName: optional(nonEmptyText), unconfined: optional(flag) })),
  ipcInfo: optional(Type.Object({ mode: oneOf('PRIVATE', 'SHARE_PARENT'), shmSize: optional(int()) })),
});

export const container = Type.Object({
  type: optional(oneOf('DOCKER', 'MESOS')),
  docker: optional(docker),
  linuxInfo: optional(linuxInfo),
  portMappings: optional(Type.Array(portMapping)),
  volumes: optional(Type.Array(volume)),
});

/** Deprecated: container networks of 0.14–1.4. */
export const ipAddress = Type.Object({
  // Older networks may have any name; only `networks` restricts it.
  networkName: optional(nonEmptyText),
  labels: optional(labels),
  groups: optional(Type.Array(text)),
  discovery: optional(
    Type.Object({
      ports: optional(
        Type.Array(
          Type.Object({ number: port, name: portName, protocol: optional(protocol), labels: optional(labels) }),
        ),
      ),
    }),
  ),
});
