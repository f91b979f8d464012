/** The page: what the feed brings is shown; nothing here changes anything on the server. */
import { maxShownApps, showApps } from './app-list.js';
import { make, refreshTimes, setText, syncChildren } from './dom.js';
import { startFeed } from './feed.js';

const element = (id) => document.getElementById(id);
const refreshTimesMs = 10_000;
const copiedMs = 2_000;

let state;

function showState(next) {
  state = next;
  element('loading').hidden = true;
  showDeployments(state.deployments);
  showList();
}

function showList() {
  if (state === undefined) return;
  const { apps, queue, deployments } = state;
  const queuedOf = new Map(queue.filter(({ app }) => app).map((entry) => [entry.app.id, { delay: entry.delay }]));
  const words = element('filter').value.trim().toLowerCase();
  const matching = apps.filter(({ id }) => id.toLowerCase().includes(words)).sort((a, b) => (a.id < b.id ? -1 : 1));
  const shown = matching.slice(0, maxShownApps);
  showApps(
    element('list'),
    shown.map((app) => ({ app, queued: queuedOf.get(app.id) })),
  );
  const isEmpty = apps.length === 0;
  element('empty').hidden = !isEmpty;
  document.querySelector('.filter').hidden = isEmpty;
  setText(element('summary'), isEmpty ? '' : summaryOf(apps, deployments));
  showMore(matching.length - shown.length, !isEmpty && matching.length === 0);
}

function showMore(hiddenApps, isNoMatch) {
  element('more').hidden = hiddenApps === 0 && !isNoMatch;
  const text = isNoMatch ? 'No application matches the filter.' : `${hiddenApps} more; narrow the filter to see them.`;
  setText(element('more'), text);
}

function summaryOf(apps, deployments) {
  const sum = (read) => apps.reduce((total, app) => total + read(app), 0);
  const running = sum(({ tasksRunning }) => tasksRunning);
  const asked = sum(({ instances }) => instances);
  const texts = [counted(apps.length, 'app'), `${running} of ${counted(asked, 'instance')} running`];
  if (deployments.length > 0) texts.push(`${counted(deployments.length, 'deployment')} under way`);
  return texts.join(' · ');
}

const counted = (count, noun) => `${count} ${noun}${count === 1 ? '' : 's'}`;

function showDeployments(deployments) {
  element('deployments').hidden = deployments.length === 0;
  syncChildren(document.querySelector('#deployments ul'), deployments, {
    keyOf: ({ id }) => id,
    create: () =>
      make(
        'li',
        {},
        make('span', { class: 'what' }),
        make('span', { class: 'step' }),
        make('progress', { 'aria-label': 'Steps done' }),
        make('span', { class: 'mono quiet' }),
      ),
    update: (item, deployment) => {
      const [what, step, progress, id] = item.children;
      const actions = deployment.currentActions.map(({ action, app }) => `${plain(action)} ${app ?? ''}`.trim());
      setText(what, actions.length > 0 ? actions.join(', ') : deployment.affectedApps.join(', '));
      setText(step, `Step ${deployment.currentStep} of ${deployment.totalSteps}`);
      progress.max = Math.max(1, deployment.totalSteps);
      progress.value = Math.max(0, deployment.currentStep - 1);
      setText(id, deployment.id);
    },
  });
}

/** `ScaleApplication` → `Scale`. */
const plain = (action) => action.replace(/Application$|Pod$/, '');

const chips = {
  live: 'Live',
  polling: 'Polling every 5 s',
  lost: 'Connection lost',
};

function showConnection({ state: connection, reason, lastGoodMs }) {
  const chip = element('connection');
  chip.dataset.state = connection;
  setText(chip, chips[connection]);
  document.body.classList.toggle('stale', connection === 'lost');
  const trouble = element('trouble');
  trouble.hidden = connection !== 'lost';
  if (connection !== 'lost') return;
  const since =
    lastGoodMs === undefined ? '' : ` What you see is from ${new Date(lastGoodMs).toLocaleTimeString('en')}.`;
  setText(trouble, `Connection lost: ${reason}. Trying again.${since}`);
}

function showExample() {
  const appsUrl = new URL('../v2/apps', location.href).href;
  const line = `curl -X POST -H 'Content-Type: application/json' ${appsUrl} -d @examples/2048/app.json`;
  setText(element('example'), line);
  const button = element('copy');
  button.hidden = navigator.clipboard === undefined;
  button.addEventListener('click', async () => {
    const isCopied = await navigator.clipboard.writeText(line).then(
      () => true,
      () => false,
    );
    setText(button, isCopied ? 'Copied' : 'Not allowed');
    setTimeout(() => setText(button, 'Copy'), copiedMs);
  });
}

showExample();
element('filter').addEventListener('input', showList);
setInterval(refreshTimes, refreshTimesMs);
startFeed({ onState: showState, onConnection: showConnection });
