// npm run bench: see bench/README.md.
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { bodiesPart, bodiesTable } from './lib/bodies-part.mjs';
import { has } from './lib/children.mjs';
import { directPart, directTable } from './lib/direct-part.mjs';
import { httpPart, httpTable } from './lib/http-part.mjs';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    only: { type: 'string', default: '' },
    parts: { type: 'string' },
  },
});

for (const [command, packageName] of /** @type {const} */ ([
  ['mongrel2', 'mongrel2-core'],
  ['m2sh', 'mongrel2-core'],
  ['wrk', 'wrk'],
])) {
  if (await has(command)) continue;
  console.error(`The benchmark needs ${command}. On Debian: apt-get install ${packageName}`);
  process.exit(2);
}

/** @type {import('./lib/part-options.mjs').PartOptions} */
const options = {
  rounds: Number(values.rounds ?? (values.quick ? 1 : 3)),
  seconds: Number(values.seconds ?? (values.quick ? 1 : 5)),
  only: values.only.split(',').filter((part) => part !== ''),
  progress: (text) => console.error(text),
};
const parts = (values.parts ?? (values.quick ? 'http' : 'http,direct,bodies')).split(',');
/**
 * @typedef {object} Result
 * @property {string} date
 * @property {string} node its version
 * @property {string} machine
 * @property {boolean} quick
 * @property {number} rounds
 * @property {number} seconds
 * @property {import('./lib/http-part.mjs').Result} [http]
 * @property {import('./lib/direct-part.mjs').Result[]} [direct]
 * @property {import('./lib/bodies-part.mjs').Result[]} [bodies]
 */

/** @type {Result} */
const result = {
  date: new Date().toISOString().slice(0, 10),
  node: process.version,
  machine: `${cpus().length} × ${cpus()[0]?.model.trim()}`,
  quick: values.quick,
  rounds: options.rounds,
  seconds: options.seconds,
};
const texts = [];
if (parts.includes('http')) {
  result.http = await httpPart(options);
  texts.push(httpTable(result.http));
}
if (parts.includes('direct')) {
  result.direct = await directPart(options);
  texts.push(directTable(result.direct));
}
if (parts.includes('bodies')) {
  result.bodies = await bodiesPart(options);
  texts.push(bodiesTable(result.bodies));
}
if (values.json) console.log(JSON.stringify(result, undefined, 2));
else {
  const { date, node, machine, rounds, seconds } = result;
  console.log(
    `${date}, ${machine}, Node ${node}, ${rounds} rounds of ${seconds} s${values.quick ? ' (quick: not to be published)' : ''}\n`,
  );
  console.log(texts.join('\n\n'));
}
