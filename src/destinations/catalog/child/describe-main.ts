import { describe } from '../describe.ts';
import { checkOwn } from '../own-definition.ts';
import type { DescribedFile } from '../own-folder.ts';
import { importOwn } from './own-module.ts';
import { closeNetwork, closeProcess } from './seal.ts';

// A child of a process that starts: it tells what the definitions of the deployment's own folder are. Arguments: files.

const nothingKnown = { connectsBy: [], environment: [], features: [], multiStatus: true };

async function described(file: string): Promise<DescribedFile> {
  try {
    const checked = checkOwn((await importOwn(file)).default);
    if (!checked.ok) return { file, ok: false, faults: checked.faults };
    const definition = describe(checked.definition, { segmentId: null, folder: file }, nothingKnown);
    return { file, ok: true, definition: { ...definition, obstacle: null } };
  } catch (error) {
    return { file, ok: false, faults: [error instanceof Error ? error.message : String(error)] };
  }
}

closeNetwork();
const send = closeProcess();
const told: DescribedFile[] = [];
for (const file of process.argv.slice(2)) told.push(await described(file));
send(told, () => process.exit(0));
