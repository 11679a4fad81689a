import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openCatalogWebhook, openReacher } from '../support/catalog-sender.ts';
import { openGate } from '../support/deliveries.ts';
import { testFolder } from '../support/folder.ts';
import { startReceiver } from '../support/receiver.ts';

const refused = 'This process reaches no other.';

test.each([
  ['process.kill', refused],
  ['an imported kill', refused],
  ['process.abort', refused],
  ['process._kill', refused],
  ['os.setPriority', refused],
  ['a database of its own', refused],
  ['process.send', 'It came back with undefined.'],
])(
  'code of a definition reaches no other process by %s: it fails for its own event',
  async (how, message) => {
    const file = join(testFolder(), 'made.db');
    const { sender, delivery } = openReacher({ how, file });
    const [outcome] = await sender.send([delivery()], openGate);
    expect(outcome).toMatchObject({ kind: 'invalid', failure: { message } });
    expect(existsSync(file)).toBe(false);
    const receiver = await startReceiver();
    const other = openCatalogWebhook(receiver.url);
    expect(await other.sender.send([other.delivery()], openGate)).toMatchObject([{ kind: 'delivered' }]);
  },
);
