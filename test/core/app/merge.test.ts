import { describe, expect, it } from 'vitest';
import { type Body, complaints, define, update } from './given.ts';

const sleep = { cmd: 'sleep 9' };

describe('a partial update (rest-api §3.5)', () => {
  const bridged = define({
    ...sleep,
    env: { A: '1', B: '2' },
    networks: [{ mode: 'container/bridge' }],
    container: { docker: { image: 'nginx' }, portMappings: [{ containerPort: 80, servicePort: 10_001 }] },
  });
  const merged = (body: Body) => {
    const result = update(bridged, body);
    if (!result.ok) throw new Error(JSON.stringify(result.error));
    return result.value;
  };

  it('replaces whole members and keeps those that it does not name', () => {
    expect(merged({ env: { C: '3' } })).toEqual({ ...bridged, env: { C: '3' } });
  });

  it('clears lists and maps with empty ones', () => {
    expect(merged({ env: {} }).env).toEqual({});
  });

  it('to the host network removes the port mappings', () => {
    const app = merged({ networks: [{ mode: 'host' }] });
    expect(app.container).not.toHaveProperty('portMappings');
    expect(app.portDefinitions).toEqual([{ port: 10_001, protocol: 'tcp', name: 'default' }]);
  });

  it('to a container network removes the port definitions and what requires them', () => {
    const host = define({ ...sleep, portDefinitions: [{ port: 9000 }], requirePorts: true });
    const result = update(host, { networks: [{ mode: 'container', name: 'n' }] });
    expect(result.ok && result.value.portDefinitions).toBeUndefined();
    expect(result.ok && result.value.requirePorts).toBe(false);
    expect(result.ok && result.value.container?.portMappings).toHaveLength(1);
  });

  it('with ports on a container network adds mappings up to their number', () => {
    expect(merged({ ports: [10_001, 10_002] }).container?.portMappings?.map((m) => m.containerPort)).toEqual([80, 0]);
  });

  it('with discovered ports adds them to a Mesos container, and is refused for a Docker container', () => {
    const ipAddress = { networkName: 'n', discovery: { ports: [{ number: 80, name: 'http' }] } };
    const volumes = [{ containerPath: 'a', hostPath: '/b', mode: 'RO' }];
    const mesos = update(define({ ...sleep, container: { type: 'MESOS', volumes } }), { ipAddress });
    expect(mesos.ok && mesos.value.container).toMatchObject({ volumes, portMappings: [{ containerPort: 80 }] });
    expect(complaints(update(bridged, { ipAddress }))).toEqual([
      '/ipAddress: ipAddress/discovery is not allowed for Docker containers',
    ]);
  });

  it('keeps limits and executor resources that it does not name', () => {
    const limited = define({ ...sleep, resourceLimits: { cpus: 'unlimited' }, executorResources: { cpus: 1 } });
    const result = update(limited, { cpus: 2 });
    expect(result.ok && result.value.resourceLimits).toEqual({ cpus: 'unlimited' });
    expect(result.ok && result.value.executorResources).toEqual({ cpus: 1, mem: 32, disk: 10 });
  });

  it('that leaves both cmd and args is refused, args can be cleared', () => {
    const command = define(sleep);
    expect(complaints(update(command, { args: ['a'] }))).toEqual([
      "/: AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'.",
    ]);
    const args = define({ args: ['a'] });
    const result = update(args, { args: [], cmd: 'sleep 1' });
    expect(result.ok && [result.value.cmd, result.value.args]).toEqual(['sleep 1', undefined]);
  });
});
