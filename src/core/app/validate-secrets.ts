/** Rules of secrets and of what refers to them (rest-api §9.3; behaviour §10.7). */
import type { AppDefinition } from './definition.ts';
import { featureMessage } from './features.ts';
import type { AppSettings } from './settings.ts';
import type { Must } from './violations.ts';

/** Declarations, environment, volumes and the credentials of images. */
export function checkSecrets(app: AppDefinition, settings: AppSettings, must: Must): void {
  const isEnabled = settings.features.has('secrets');
  const declared = app.secrets ?? {};
  const isDeclared = (name: string): boolean => Object.hasOwn(declared, name);
  must(isEnabled || app.secrets === undefined, '/secrets', featureMessage('secrets'));
  Object.keys(declared).forEach((name, i) => {
    must(!isEnabled || name !== '', `/secrets/keys(${i})`, 'must not be empty');
  });
  for (const [i, [name, value]] of Object.entries(app.env).entries()) {
    must(name !== '', `/env/keys(${i})`, 'must not be empty');
    if (typeof value === 'string') continue;
    must(isEnabled, '/env', 'use of secret-references in the environment requires the secrets feature to be enabled');
    must(isDeclared(value.secret), `/env/${name}/secret`, 'references an undefined secret');
  }
  checkPullConfig(app, isEnabled, isDeclared, must);
  app.container?.volumes.forEach((volume, i) => {
    if (volume.secret === undefined) return;
    const path = `/container/volumes(${i})`;
    must(isEnabled, path, featureMessage('secrets'));
    must(isDeclared(volume.secret), path, 'volume.secret must refer to an existing secret');
    must(app.container?.type === 'MESOS', path, 'Secret volumes are only supported with the Mesos containerizer');
  });
}

function checkPullConfig(
  { container }: AppDefinition,
  isEnabled: boolean,
  isDeclared: (name: string) => boolean,
  must: Must,
): void {
  const pullConfig = container?.docker?.pullConfig;
  if (!pullConfig) return;
  const path = '/container/docker/pullConfig';
  if (container.type === 'DOCKER') {
    must(false, path, 'pullConfig is not supported with Docker containerizer');
    return;
  }
  must(isEnabled, path, 'must be empty');
  must(isEnabled, path, featureMessage('secrets'));
  must(isDeclared(pullConfig.secret), path, 'pullConfig.secret must refer to an existing secret');
}
