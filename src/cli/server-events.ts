/** One event of a stream of server-sent events. */
export interface ServerEvent {
  readonly id: string | null;
  /** Empty: there is nothing but an id, which says how far the stream has come. */
  readonly event: string;
  readonly data: string;
}

/**
 * The events of a body, as they come. What is left at its end without an empty line is none. Source: WHATWG HTML,
 * "Interpreting an event stream".
 * @param onBytes called whenever something came, also a comment that only keeps the connection open
 */
export async function* serverEvents(
  body: ReadableStream<Uint8Array>,
  onBytes: () => void = () => undefined,
): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let rest = '';
  let fields: Record<string, string> = {};
  for await (const bytes of body) {
    onBytes();
    const lines = (rest + decoder.decode(bytes, { stream: true })).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (fields['data'] !== undefined)
          yield { id: fields['id'] ?? null, event: fields['event'] ?? 'message', data: fields['data'] };
        else if (fields['id'] !== undefined) yield { id: fields['id'], event: '', data: '' };
        fields = {};
      } else if (!line.startsWith(':')) fields = withLine(fields, line);
    }
  }
}

function withLine(fields: Record<string, string>, line: string): Record<string, string> {
  const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
  const earlier = name === 'data' ? fields['data'] : undefined;
  return { ...fields, [name]: earlier === undefined ? value : `${earlier}\n${value}` };
}
