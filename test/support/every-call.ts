import type { Analytics as CustomerIo } from '@customerio/cdp-analytics-node';
import type { Analytics as Segment } from '@segment/analytics-node';

/** The six calls, with texts and numbers that suffer where JSON is written anew. */
export function sendAll(analytics: Segment | CustomerIo): void {
  analytics.identify({ userId: 'user-1', traits: { email: 'a@b.c', plan: 'é😀 "quoted" \u0000' } });
  analytics.track({
    userId: 'user-1',
    event: 'Order Completed',
    properties: { total: 12.5, items: [1, { a: null }] },
  });
  analytics.page({
    anonymousId: 'anon-1',
    category: 'Docs',
    name: 'Home',
    properties: { url: 'https://x.y/z' },
  });
  analytics.screen({ userId: 'user-1', name: 'Start' });
  analytics.group({ userId: 'user-1', groupId: 'group-1', traits: { name: 'Initech' } });
  analytics.alias({ userId: 'user-2', previousId: 'user-1' });
}
