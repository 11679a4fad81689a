// `npm run catalog:index`: writes the files of the catalog anew, from the package that is installed.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { generateCatalog } from './generate.ts';
import { catalogFolder } from './read.ts';

const files = generateCatalog();
rmSync(catalogFolder, { recursive: true, force: true });
mkdirSync(catalogFolder, { recursive: true });
for (const [name, text] of files) writeFileSync(new URL(name, catalogFolder), text);
