/** Small tools for building the page. Text always goes in as text, never as markup. */

/** Makes an element; `properties` are attributes, children are elements or texts. */
export function make(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Changes text only where it differs, so that a selection survives. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Makes the children of `parent` match `items` in order. Elements are kept by key, so that focus and open parts stay where they
 * are; `update` is called only for items whose JSON is not what it was.
 */
export function syncChildren(parent, items, { keyOf, create, update }) {
  const shown = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const keys = new Set(items.map(keyOf));
  // What has gone leaves first: an element that is moved in the document loses the focus.
  for (const [key, child] of shown) if (!keys.has(key)) child.remove();
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let child = shown.get(key);
    if (child === undefined) {
      child = create(item);
      child.dataset.key = key;
    }
    const json = JSON.stringify(item);
    if (shownJson.get(child) !== json) {
      shownJson.set(child, json);
      update(child, item);
    }
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
}

const shownJson = new WeakMap();

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'short' });
const steps = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

/** A point in time as "5 min. ago", with the exact time on hover. Never says that something is yet to come. */
export function timeElement(iso) {
  const made = make('time', {
    datetime: iso,
    title: new Date(iso).toLocaleString('en', { dateStyle: 'medium', timeStyle: 'long' }),
  });
  made.textContent = ago(iso);
  return made;
}

function ago(iso) {
  const seconds = Math.max(0, (Date.now() - Date.parse(iso)) / 1000);
  const step = steps.find(([, size]) => seconds >= size);
  return step === undefined ? 'just now' : relative.format(-Math.floor(seconds / step[1]), step[0]);
}

/** Brings the words of all shown times up to now. */
export function refreshTimes() {
  for (const shown of document.querySelectorAll('time')) setText(shown, ago(shown.dateTime));
}
