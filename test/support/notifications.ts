import { Webhook } from 'standardwebhooks';
import { expect } from 'vitest';
import type { Received } from './receiver.ts';

/** What a receiver was told. */
export interface Told {
  readonly type: string;
  readonly timestamp: string;
  readonly data: {
    readonly id: string;
    readonly destination: { readonly id: string; readonly name: string };
    readonly replayId: string | null;
    readonly reason: string | null;
  };
}

/** Reads what a receiver got as it should read it: its signature must be right. */
export function toldBy(request: Received, secret: string): Told {
  const told = new Webhook(secret).verify(request.body, request.headers) as Told;
  expect(JSON.parse(request.body)).toEqual(told);
  return told;
}
