import { describe, expect, it } from 'vitest';
import type { ReadinessCheck } from '../../../src/core/app/definition.ts';
import { readinessAddress, readinessDelayMs, readinessResult } from '../../../src/core/health/readiness.ts';
import { anInstance, instanceId } from '../instance/given.ts';
import { anAgent, anApp } from '../offer/fixtures.ts';

const check = (changes: Partial<ReadinessCheck> = {}): ReadinessCheck => ({
  name: 'warm',
  protocol: 'HTTP',
  path: '/',
  portName: 'http-api',
  intervalSeconds: 30,
  timeoutSeconds: 10,
  httpStatusCodesForReady: [200, 302],
  preserveLastResponse: false,
  ...changes,
});

const answered = (status: number) => ({ type: 'answered', status, contentType: 'text/plain', body: 'hi' }) as const;

describe('a readiness check (behaviour §4.5, rest-api §7.8)', () => {
  const id = instanceId('a');

  it.each([
    [200, true],
    [302, true],
    [201, false],
    [503, false],
  ])('takes status %d for ready: %s', (status, ready) => {
    expect(readinessResult(check(), id, answered(status))).toEqual({ name: 'warm', taskId: id, ready });
  });

  it('keeps the last response only if asked to', () => {
    expect(readinessResult(check({ preserveLastResponse: true }), id, answered(201)).lastResponse).toEqual({
      status: 201,
      contentType: 'text/plain',
      body: 'hi',
    });
  });

  it('is never ready without an answer, even where a 504 would be', () => {
    const tolerant = check({ preserveLastResponse: true, httpStatusCodesForReady: [504] });
    expect(readinessResult(tolerant, id, { type: 'failed', cause: 'ECONNRESET' })).toMatchObject({
      ready: false,
      lastResponse: { status: 504, contentType: 'text/plain', body: 'ECONNRESET' },
    });
  });

  it('is put again after the interval, but sooner while nobody answers at all', () => {
    expect(readinessDelayMs(check(), 0)).toBe(30_000);
    expect([1, 2, 3, 9, 10, 1_000].map((n) => readinessDelayMs(check(), n))).toEqual([
      100, 200, 400, 25_600, 30_000, 30_000,
    ]);
  });

  it('asks the port of the name that it gives', () => {
    const app = anApp({
      portDefinitions: [
        { port: 0, protocol: 'tcp', name: 'admin' },
        { port: 0, protocol: 'tcp', name: 'http-api' },
      ],
    });
    const base = anInstance('a', 'Running', { agent: anAgent('host.some') });
    const instance = { ...base, tasks: [{ ...base.tasks[0]!, hostPorts: [31_000, 31_001] }] };
    expect(readinessAddress(app, check(), instance)).toEqual({ host: 'host.some', port: 31_001 });
    expect(readinessAddress(app, check({ portName: 'none' }), instance)).toBeUndefined();
  });
});
