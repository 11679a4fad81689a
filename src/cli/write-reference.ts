// `npm run docs:cli`: writes docs/cli.md anew.
import { writeFileSync } from 'node:fs';
import { createProgram } from './program.ts';
import { reference } from './reference.ts';

writeFileSync(new URL('../../docs/cli.md', import.meta.url), reference(createProgram(process, '')));
