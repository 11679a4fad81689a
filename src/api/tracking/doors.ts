import type { EventType } from '../../core/event.ts';
import { isTrackPath, trackAddressOf, type TrackAddress } from './track-api/addresses.ts';

/** What an address takes: one event of a type, or a batch of any. */
export type Call = EventType | 'batch';

/** What an address of the tracking API stands for. */
export type Door =
  /** Takes events. */
  | { readonly kind: 'events'; readonly call: Call }
  /** An image that brings one event in its address; null: of no type that there is. */
  | { readonly kind: 'pixel'; readonly call: EventType | null; readonly query: URLSearchParams }
  /** Browser clients' figures about themselves, which nobody needs. */
  | { readonly kind: 'metrics' }
  /** What a browser client asks for before it sends anything. */
  | { readonly kind: 'settings'; readonly writeKey: string }
  /** The same for clients of another family. */
  | { readonly kind: 'sourceConfig'; readonly query: URLSearchParams }
  /** The browser client itself, as a page loads it. */
  | { readonly kind: 'script'; readonly writeKey: string }
  /** A part of it that it loads later. */
  | { readonly kind: 'bundle'; readonly name: string }
  /** An address of Customer.io's Track API; null: it begins like one. */
  | { readonly kind: 'track'; readonly address: TrackAddress | null }
  /** It begins like one of ours. */
  | { readonly kind: 'unknown' };

const types: Readonly<Record<string, EventType>> = {
  identify: 'identify',
  track: 'track',
  page: 'page',
  screen: 'screen',
  group: 'group',
  alias: 'alias',
};

/** Long and one-letter names; `import` is what one client family calls its batches. */
const calls: Readonly<Record<string, Call>> = {
  ...types,
  batch: 'batch',
  i: 'identify',
  t: 'track',
  p: 'page',
  s: 'screen',
  g: 'group',
  a: 'alias',
  b: 'batch',
  import: 'batch',
};

/** Each kind's own method; all of them answer OPTIONS, too. */
export const methodsOf: Readonly<Record<Exclude<Door['kind'], 'unknown' | 'track'>, readonly string[]>> = {
  events: ['POST'],
  metrics: ['POST'],
  pixel: ['GET', 'HEAD'],
  settings: ['GET', 'HEAD'],
  sourceConfig: ['GET', 'HEAD'],
  script: ['GET', 'HEAD'],
  bundle: ['GET', 'HEAD'],
};

const callPath = /^\/([a-z]+)\/?$/;
const pixelPath = /^\/pixel\/(.*?)\/?$/;
const scriptPath = /^\/analytics\.js\/v1\/([^/]+)\/(?:platform\/)?analytics(?:\.min)?\.js$/;
const bundlePath = /^\/analytics-next\/bundles\/([\w.-]+)$/;
const settingsPath = /^\/projects\/([^/]+)\/settings\/?$/;

/**
 * The door that a request's address stands for, with or without a slash at its end; null when it is not ours. Whoever
 * gave his client a base address without `/v1`, with one that the client puts there again, or with a slash at its end,
 * is understood as well.
 */
export function doorOf(url: string | undefined): Door | null {
  const [sent = '', ...rest] = (url ?? '').split('?');
  const query = rest.join('?');
  const track = sent.replace(/^\/+/, '/');
  if (isTrackPath(track)) return { kind: 'track', address: trackAddressOf(track) };
  const path = sent.replaceAll(/\/+/g, '/');
  if (/^\/sourceConfig\/?$/.test(path)) return { kind: 'sourceConfig', query: new URLSearchParams(query) };
  const script = scriptPath.exec(path)?.[1];
  if (script !== undefined) return { kind: 'script', writeKey: decoded(script) };
  const bundle = bundlePath.exec(path)?.[1];
  if (bundle !== undefined) return { kind: 'bundle', name: bundle };
  const own = path.replace(/^(\/v1){0,2}(?=\/)/, '');
  return callDoor(own) ?? otherDoor(own, query) ?? (/^\/v1(\/|$)/.test(path) ? { kind: 'unknown' } : null);
}

function callDoor(path: string): Door | null {
  const name = callPath.exec(path)?.[1];
  if (name === undefined) return null;
  if (name === 'm') return { kind: 'metrics' };
  return Object.hasOwn(calls, name) ? { kind: 'events', call: calls[name]! } : null;
}

function otherDoor(path: string, query: string): Door | null {
  const pixel = pixelPath.exec(path)?.[1];
  if (pixel !== undefined) {
    const call = Object.hasOwn(types, pixel) ? types[pixel]! : null;
    return { kind: 'pixel', call, query: new URLSearchParams(query) };
  }
  const key = settingsPath.exec(path)?.[1];
  return key === undefined ? null : { kind: 'settings', writeKey: decoded(key) };
}

/** A key whose escapes mean nothing is as unknown as any other. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
