/** The page at `/docs`: reads `/openapi.json` and shows it. One file, no request to anywhere else. */
export const docsPage = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>API of Ultramarathon</title>
<style>
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
summary { cursor: pointer; padding: .3rem 0; } summary code { font-size: 1rem; }
.verb { display: inline-block; min-width: 4.5rem; font-weight: 600; }
pre { overflow: auto; max-height: 24rem; padding: .6rem; border: 1px solid #8888; border-radius: .3rem; }
table { border-collapse: collapse; } td, th { text-align: left; padding: .1rem .8rem .1rem 0; vertical-align: top; }
input { width: 100%; box-sizing: border-box; padding: .4rem; font: inherit; }
</style></head><body>
<h1>API of Ultramarathon</h1>
<p id="about">Loading …</p>
<p><label>Filter <input id="filter" type="search" autocomplete="off"></label></p>
<main id="operations"></main>
<h2>Schemas</h2><div id="schemas"></div>
<script>
const make = (tag, text, ...children) => {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  element.append(...children);
  return element;
};
const shown = (value) => make('pre', JSON.stringify(value, null, 2));
const content = (holder) => holder && holder.content && Object.values(holder.content)[0].schema;
function operation(path, verb, details) {
  const summary = make('summary', '', Object.assign(make('span', verb.toUpperCase()), { className: 'verb' }), make('code', path), ' ' + details.summary);
  const block = make('details', '', summary);
  if (details.parameters.length) {
    const rows = details.parameters.map((p) => make('tr', '', make('td', p.name), make('td', p.in), make('td', p.schema.type)));
    block.append(make('h4', 'Parameters'), make('table', '', ...rows));
  }
  const body = content(details.requestBody);
  if (body) block.append(make('h4', 'Body'), shown(body));
  for (const [status, response] of Object.entries(details.responses)) {
    block.append(make('h4', status + ' ' + response.description));
    const schema = content(response);
    if (schema) block.append(shown(schema));
  }
  block.dataset.text = (verb + ' ' + path + ' ' + details.summary).toLowerCase();
  return block;
}
fetch('/openapi.json').then((answer) => answer.json()).then((api) => {
  about.textContent = api.info.description + ' The same as OpenAPI ' + api.openapi + ': /openapi.json';
  for (const [path, verbs] of Object.entries(api.paths)) {
    for (const [verb, details] of Object.entries(verbs)) operations.append(operation(path, verb, details));
  }
  for (const [name, schema] of Object.entries(api.components.schemas)) {
    schemas.append(make('details', '', make('summary', name), shown(schema)));
  }
  filter.oninput = () => {
    for (const block of operations.children) block.hidden = !block.dataset.text.includes(filter.value.toLowerCase());
  };
}).catch((error) => { about.textContent = 'The description cannot be read: ' + error; });
</script></body></html>
`;
