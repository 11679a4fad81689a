import { expect, test } from 'vitest';
import { banner, type BannerFacts } from '../../src/dev/banner.ts';

const facts: BannerFacts = {
  version: '0.1.0',
  seconds: 6.04,
  apiPort: 4000,
  takenPort: null,
  adminTokenFile: '.reprise/admin-token',
  writeKey: 'wk_demo_shop',
  metricsPorts: [],
  temporalUi: 'http://localhost:8233',
  demoPort: 4010,
  archive: {
    events: 50_000,
    more: false,
    from: new Date('2026-08-26T05:17:00Z'),
    to: new Date('2026-11-23T23:59:59Z'),
  },
  logs: '.reprise/logs',
  hasDestinations: false,
};

test('the banner shows every door', () => {
  const text = banner(facts);
  for (const shown of [
    'Reprise 0.1.0   ready in 6.0 s',
    'http://localhost:4000/api',
    '.reprise/admin-token',
    'http://localhost:4000/v1',
    'wk_demo_shop',
    'http://localhost:4000/docs',
    'http://localhost:8233',
    'http://localhost:4010',
    '50,000 events · 26 Aug 2026 – 23 Nov 2026',
    '.reprise/logs',
  ]) {
    expect(text).toContain(shown);
  }
});

test('without a destination it shows how to connect the first and start a replay', () => {
  const text = banner(facts);
  expect(text).toContain('npx reprise destination create "Demo CRM" --url http://localhost:4010/events');
  expect(text).toContain('npx reprise replay create --destination demo-crm --watch');
  const later = banner({ ...facts, hasDestinations: true });
  expect(later).not.toContain('destination create');
  expect(later).toContain('npx reprise replay list');
});

test('an event of your own is sent by curl, and a folder elsewhere is named to the command line', () => {
  expect(banner(facts)).toContain('curl http://localhost:4000/v1/track -u wk_demo_shop:');
  expect(banner({ ...facts, writeKey: null })).not.toContain('curl');
  const elsewhere = banner({ ...facts, logs: '/srv/a folder/logs' });
  expect(elsewhere).toContain("REPRISE_DATA_DIR='/srv/a folder' npx reprise replay create");
});

test('a port that another program has is named', () => {
  expect(banner(facts)).not.toContain('is taken');
  const text = banner({ ...facts, apiPort: 4002, takenPort: 4000 });
  expect(text).toContain('Port 4000 is taken by another program; this one took 4002.');
  expect(text).toContain('http://localhost:4002/api');
});

test('the token itself is never printed', () => {
  const text = banner({ ...facts, adminTokenFile: null });
  expect(text).toContain('token      REPRISE_ADMIN_TOKEN');
  expect(text).not.toContain('admin-token');
});

test('what is not there is not claimed', () => {
  const empty = { events: 0, more: false, from: null, to: null };
  const text = banner({ ...facts, archive: empty, writeKey: null, temporalUi: null });
  expect(text).toContain('0 events');
  expect(text).toContain('none yet');
  expect(text).not.toContain('8233');
  expect(banner({ ...facts, archive: { events: 2_000_000, more: true, from: null, to: null } })).toContain(
    'more than 2,000,000 events',
  );
});

test('metrics have a line where processes were given ports for them', () => {
  expect(banner(facts)).not.toContain('Metrics');
  const text = banner({ ...facts, metricsPorts: [9465, 9464] });
  expect(text).toMatch(/Metrics +http:\/\/localhost:4000\/metrics +without a token on ports 9464, 9465/);
});
