import { afterAll, expect, test } from 'vitest';
import { catalogSummaries, readCatalogDocument } from '../../src/destinations/catalog/read.ts';
import { drive, madeOf, type Made } from '../support/contract/drive.ts';
import { openInternet } from '../support/internet.ts';

// A service that refuses what is written to it, or all: whatever a definition makes of that, nothing was delivered.
let refusesAll = false;
const internet = await openInternet(({ method }) =>
  method === 'GET' && !refusesAll ? { status: 200, body: '{}' } : { status: 403, body: '{"message":"No."}' },
);
afterAll(() => internet.close());

const connectable = catalogSummaries().filter(({ folder, obstacle }) => folder !== null && obstacle === null);

const saidToBeTaken = ({ outcome }: Made) =>
  [outcome].flat().some((one) => /^(delivered|unconfirmable)/.test(one));

test.each(connectable.map(({ type }) => type))(
  '%s delivers nothing to who refuses it',
  { timeout: 120_000 },
  async (type) => {
    const document = readCatalogDocument(type)!;
    refusesAll = false;
    let told = (await drive(document, internet, 'briefly')).flatMap(madeOf).filter(saidToBeTaken);
    // Who only asks, or sends by asking, was refused nothing.
    if (
      told.length > 0 &&
      told.every(({ requests }) => requests.every(({ request }) => request.startsWith('GET ')))
    ) {
      refusesAll = true;
      told = (await drive(document, internet, 'briefly')).flatMap(madeOf).filter(saidToBeTaken);
    }
    expect(told).toEqual([]);
  },
);
