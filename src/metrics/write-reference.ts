// `npm run docs:metrics`: writes the table in docs/metrics.md anew.
import { readFileSync, writeFileSync } from 'node:fs';
import { metricsTable } from './reference.ts';

const page = new URL('../../docs/metrics.md', import.meta.url);
const text = readFileSync(page, 'utf8');
writeFileSync(
  page,
  text.replace(/(<!-- table -->\n)[^]*(\n<!-- end of table -->)/, (_, begin: string, end: string) => {
    return `${begin}${metricsTable()}${end}`;
  }),
);
