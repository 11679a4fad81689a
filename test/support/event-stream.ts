/** One server-sent event, or a comment line. */
export interface ServerSent {
  readonly id?: string;
  readonly event?: string;
  readonly data?: string;
  readonly comment?: string;
}

/** Reads server-sent events one by one, as the WHATWG HTML standard frames them. */
export async function* serverSentEvents(response: Response): AsyncGenerator<ServerSent> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) yield Object.fromEntries(block.split('\n').map(fieldOf)) as ServerSent;
  }
}

function fieldOf(line: string): [string, string] {
  const [, name = '', value = ''] = /^([^:]*): ?(.*)$/s.exec(line) ?? [];
  return [name === '' ? 'comment' : name, value];
}
