import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fetchedVersion } from './version.ts';

const answerTimeoutMs = 10_000;
const downloadTimeoutMs = 300_000;

/** Go's names for what Node calls process.arch. */
const architectures: Record<string, string> = { x64: 'amd64', arm64: 'arm64' };

/**
 * Fetches the CLI from its vendor into `folder` and gives back its path. The vendor's own SDKs ask the same two questions:
 * which archive holds it, then that archive (sdk-core, ephemeral_server). It names no hash: what vouches for the archive
 * is TLS to the vendor's host.
 */
export async function downloadCli(
  folder: string,
  stopping: AbortSignal,
  vendor = 'https://temporal.download',
): Promise<string> {
  const question = new URL(`/cli/v${fetchedVersion}`, vendor);
  question.searchParams.set('platform', process.platform);
  question.searchParams.set('arch', architectures[process.arch] ?? process.arch);
  question.searchParams.set('format', 'tar.gz');
  const { archiveUrl, fileToExtract } = (await (await get(question, answerTimeoutMs, stopping)).json()) as {
    archiveUrl: string;
    fileToExtract: string;
  };
  const archive = await get(new URL(archiveUrl), downloadTimeoutMs, stopping);
  await unpack(archive, folder, fileToExtract);
  return join(folder, fileToExtract);
}

async function get(url: URL, timeoutMs: number, stopping: AbortSignal): Promise<Response> {
  const signal = AbortSignal.any([stopping, AbortSignal.timeout(timeoutMs)]);
  const response = await fetch(url, { signal }).catch((error: Error) => {
    // fetch itself only says "fetch failed"
    throw error.cause instanceof Error ? error.cause : error;
  });
  if (!response.ok) throw new Error(`${url.host} answered ${response.status}`);
  return response;
}

async function unpack(archive: Response, folder: string, file: string): Promise<void> {
  if (archive.body === null) throw new Error('the archive is empty');
  const tar = spawn('tar', ['-xzf', '-', '-C', folder, file], { stdio: ['pipe', 'ignore', 'pipe'] });
  const complaints = tar.stderr.setEncoding('utf8').toArray();
  const [, [code]] = await Promise.all([
    pipeline(Readable.fromWeb(archive.body), tar.stdin),
    once(tar, 'exit') as Promise<[number | null]>,
  ]);
  if (code !== 0) throw new Error(`tar: ${(await complaints).join('').trim()}`);
}
