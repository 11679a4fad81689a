import { describe, expect, test } from 'vitest';
import { outOfTime } from '../../src/core/time-rule.ts';
import { readCatalogDocument } from '../../src/destinations/catalog/read.ts';
import { overlaysFor, overlaysOf, timeRuleOf } from '../../src/destinations/catalog/replay-rules.ts';

const now = Date.parse('2026-11-01T00:00:00Z');
const day = 86_400_000;
const profileOf = (type: string) => readCatalogDocument(type)!.replay.profile;

// The oldest age that is sent and one that is not, in days, by the services' own rules (sources: the profiles).
test.each([
  ['actions-algolia-insights', 4],
  ['actions-attentive', 0.5],
  ['actions-facebook-conversions-api', 7],
  ['actions-google-analytics-4', 3],
  ['actions-google-campaign-manager-360', 28],
  ['actions-google-enhanced-conversions', 90],
  ['actions-linkedin-conversions', 90],
  ['actions-reddit-conversions-api', 7],
  ['actions-schematic', 34],
  ['actions-snap-conversions', 7],
])('%s takes events of %d days, and none that is older', (type, days) => {
  const rule = timeRuleOf(profileOf(type))!;
  expect(outOfTime(rule, now - days * day, now)).toBeNull();
  expect(outOfTime(rule, now - days * day - 1_000, now)).toBe('older_than_taken');
});

test('a first moment and a limit in the future count, too', () => {
  const klaviyo = timeRuleOf(profileOf('actions-klaviyo'))!;
  expect(outOfTime(klaviyo, Date.parse('2000-01-01T00:00:00Z'), now)).toBeNull();
  expect(outOfTime(klaviyo, Date.parse('1999-12-31T23:59:59Z'), now)).toBe('older_than_taken');
  expect(outOfTime(klaviyo, now + 366 * day, now)).toBe('later_than_taken');
  const mixpanel = timeRuleOf(profileOf('actions-mixpanel'))!;
  expect(outOfTime(mixpanel, now + 3_600_000, now)).toBeNull();
  expect(outOfTime(mixpanel, now + 3_601_000, now)).toBe('later_than_taken');
});

test.each(['actions-amplitude', 'actions-braze-cloud', 'webhook', 'segment'])(
  '%s takes events of any age',
  (type) => {
    expect(timeRuleOf(profileOf(type))).toBeNull();
  },
);

describe('overlays', () => {
  test('are those of the action, and those that need an age count from it on', () => {
    const posthog = overlaysOf(profileOf('actions-posthog'), 'event');
    expect(posthog.map(({ kind, name }) => [kind, name])).toEqual([
      ['mapping', 'timestamp'],
      ['setting', 'historical_migration'],
    ]);
    expect(overlaysFor(posthog, day)).toBe(1);
    expect(overlaysFor(posthog, 2 * day)).toBe(1);
    expect(overlaysFor(posthog, 2 * day + 1)).toBe(2);
    expect(overlaysOf(profileOf('actions-posthog'), 'identify').map(({ name }) => name)).toEqual([
      'historical_migration',
    ]);
  });

  test('a profile without any sets nothing', () => {
    expect(overlaysOf(profileOf('actions-klaviyo'), 'trackEvent')).toEqual([]);
    expect(overlaysFor([], 10 * day)).toBe(0);
  });
});
