/** The applications, each with its status, its health bar and its tasks. */
import { make, setText, syncChildren, timeElement } from './dom.js';
import { appStatus, healthParts, healthText, taskHealth, taskLinks } from './status.js';

/** More than this would only slow the page down; the filter finds the rest. */
export const maxShownApps = 200;
const maxShownTasks = 100;
/** Apps beyond this are closed at first. */
const maxOpenApps = 20;
const maxOpenTasks = 20;

/** Shows the apps of `entries`, each `{app, queued}`. */
export function showApps(list, entries) {
  const isOpen = entries.length <= maxOpenApps;
  syncChildren(list, entries, {
    keyOf: ({ app }) => app.id,
    create: ({ app }) => newCard(isOpen && app.tasks.length <= maxOpenTasks),
    update: updateCard,
  });
}

const latest = new WeakMap();

function newCard(isOpen) {
  const card = make(
    'details',
    { class: 'app' },
    make(
      'summary',
      {},
      make('h3', { class: 'mono' }),
      make('span', { class: 'status' }),
      make('span', { class: 'count' }),
      make('span', { class: 'bar', role: 'img' }),
      make('span', { class: 'parts' }),
    ),
    make('p', { class: 'reason', hidden: '' }),
    make('dl', { class: 'facts' }),
    make('div', { class: 'tasks' }),
  );
  card.open = isOpen;
  card.addEventListener('toggle', () => showTasks(card));
  return card;
}

function updateCard(card, entry) {
  latest.set(card, entry);
  const { app, queued } = entry;
  const part = (name) => card.querySelector(name);
  const status = appStatus(app, queued);
  setText(part('h3'), app.id);
  setText(part('.status'), status.word);
  part('.status').dataset.status = status.word.toLowerCase();
  part('.status').title = status.hint;
  setText(part('.count'), `${app.tasksRunning} of ${app.instances} ${app.instances === 1 ? 'instance' : 'instances'}`);
  updateBar(part('.bar'), part('.parts'), app, status);
  const reason = reasonOf(app, status);
  part('.reason').hidden = reason === '';
  setText(part('.reason'), reason);
  part('.facts').replaceChildren(...facts(app));
  showTasks(card);
}

function updateBar(bar, parts, app, status) {
  const shown = healthParts(app).filter(({ count }) => count > 0);
  bar.setAttribute('aria-label', healthText(app));
  bar.title = healthText(app);
  bar.classList.toggle('busy', status.word === 'Deploying');
  bar.replaceChildren(
    ...shown.map(({ kind, count }) => {
      const piece = make('span', { 'data-kind': kind });
      piece.style.flexGrow = String(count);
      return piece;
    }),
  );
  // The bar says the same to those who hear the page.
  parts.setAttribute('aria-hidden', 'true');
  parts.replaceChildren(
    ...shown.map(({ kind, count, label }) => make('span', { 'data-kind': kind }, `${count} ${label}`)),
  );
}

/** Why fewer instances run than were asked for. */
function reasonOf(app, status) {
  if (app.tasksRunning >= app.instances) return '';
  const failure = app.lastTaskFailure;
  const last = failure ? `Last failure: ${failure.state}${failure.message ? `, ${failure.message}` : ''}` : '';
  return [status.word === 'Deploying' ? '' : status.hint, last].filter((text) => text !== '').join('. ');
}

function facts(app) {
  const what = app.cmd ?? app.args?.join(' ') ?? '';
  const image = app.container?.docker?.image ?? '';
  const labels = Object.entries(app.labels ?? {}).map(([key, value]) =>
    make('span', { class: 'label' }, `${key}=${value}`),
  );
  const rows = [
    ['Command', what === '' ? [] : [make('code', {}, what)]],
    ['Image', image === '' ? [] : [make('code', {}, image)]],
    ['Each', [`${app.cpus} CPU, ${app.mem} MiB`]],
    ['Version', app.version ? [timeElement(app.version)] : []],
    ['Labels', labels],
  ];
  return rows
    .filter(([, values]) => values.length > 0)
    .map(([name, values]) => make('div', {}, make('dt', {}, name), make('dd', {}, ...values)));
}

const columns = ['Task', 'State', 'Health', 'Address', 'Started', 'Version'];

/** Rows are built only for apps that are open. */
function showTasks(card) {
  const place = card.querySelector('.tasks');
  const entry = latest.get(card);
  if (!card.open || entry === undefined) {
    place.replaceChildren();
    return;
  }
  const { app } = entry;
  if (app.tasks.length === 0) {
    place.replaceChildren(make('p', { class: 'quiet' }, 'No tasks.'));
    return;
  }
  if (place.querySelector('table') === null) place.replaceChildren(...newTable(app));
  const rows = app.tasks.slice(0, maxShownTasks);
  syncChildren(place.querySelector('tbody'), rows, { keyOf: ({ id }) => id, create: newRow, update: updateRow });
  const rest = app.tasks.length - rows.length;
  place.querySelector('.rest').hidden = rest === 0;
  setText(place.querySelector('.rest'), `and ${rest} more`);
}

/** Roles are spelt out since narrow windows lay the table out as blocks, which takes its meaning away. */
function newTable(app) {
  const head = columns.map((name) => make('th', { scope: 'col', role: 'columnheader' }, name));
  const table = make(
    'table',
    { role: 'table', 'aria-label': `Tasks of ${app.id}` },
    make('thead', { role: 'rowgroup' }, make('tr', { role: 'row' }, ...head)),
    make('tbody', { role: 'rowgroup' }),
  );
  return [table, make('p', { class: 'rest quiet', hidden: '' })];
}

const newRow = () => {
  const cell = (name) => make(name === 'Task' ? 'th' : 'td', cellAttributes(name));
  return make('tr', { role: 'row' }, ...columns.map(cell));
};

const cellAttributes = (name) => ({
  'data-column': name,
  role: name === 'Task' ? 'rowheader' : 'cell',
  ...(name === 'Task' ? { scope: 'row', class: 'mono' } : {}),
});

const capital = (word) => word.charAt(0).toUpperCase() + word.slice(1);

function updateRow(row, task) {
  const [id, state, health, address, started, version] = row.children;
  setText(id, task.id);
  setText(state, capital((task.state ?? '').replace(/^TASK_/, '').toLowerCase()));
  state.title = task.state ?? '';
  const word = taskHealth(task);
  health.replaceChildren(make('span', { class: 'health', 'data-kind': word }, capital(word)));
  const links = taskLinks(task).map(({ text, href }) => make('a', { href, target: '_blank', rel: 'noreferrer' }, text));
  address.replaceChildren(...(links.length > 0 ? links : [String(task.host ?? '')]));
  started.replaceChildren(task.startedAt ? timeElement(task.startedAt) : '–');
  version.replaceChildren(task.version ? timeElement(task.version) : '–');
}
