const network =
  'The destination could not be reached. See that its address is right and that it is up, then retry the dead letters.';
const certificate =
  'Its certificate or TLS version was not accepted. Mend the certificate, then retry the dead letters.';
const slow =
  'It took too long to answer. Lower the pace or the requests at once, then retry the dead letters.';

const remedies: Readonly<Record<string, string>> = {
  connection_refused: network,
  connect_failed: network,
  connect_timeout: network,
  connection_reset: network,
  unreachable: network,
  dns: 'The name of the destination leads nowhere. Check the URL in its settings.',
  tls: certificate,
  timeout: slow,
  egress_refused:
    'Its address is not one that may be sent to. Use a public one, or let it through with `REPRISE_EGRESS_ALLOW`.',
  bad_answer: 'It did not answer in HTTP. See that the URL is that of an HTTP server.',
  nothing_sent:
    'The definition had nothing to send for it: this action does nothing with such events. Give it another trigger or mapping, or another action.',
  item_refused:
    'It took other events of the same request, not these. Look at what it says of them, mend the mapping or the sender, then retry.',
  item_unclear:
    'Its answer says that some events of the request were not taken, and not which. Look at what it answered; they are sent again, each alone in the end.',
  http_400:
    'It does not take these events as they are. Look at its answer, mend the mapping or the sender, then retry.',
  http_401: 'It does not take the credentials. Give it new ones (PATCH its settings), then retry.',
  http_403: 'The credentials may not do this. Give them the right, or use others, then retry.',
  http_404: 'There is nothing at this address. Check the URL in its settings, then retry.',
  http_410: 'It wants no more events. Check the URL, enable it again, then retry.',
  http_413: 'The request is larger than it takes. Send less with each event.',
  http_422: 'It understood the events and refuses them. Look at its answer, mend the data, then retry.',
  http_429: 'It asked to slow down. Lower its budget, then retry.',
};

/** What usually helps against a kind of failure, in a sentence or two. */
export function remedyOf(errorClass: string): string {
  if (Object.hasOwn(remedies, errorClass)) return remedies[errorClass]!;
  if (errorClass.startsWith('http_5'))
    return 'The destination failed by itself. Once it is well again, retry the dead letters.';
  if (errorClass.startsWith('http_3'))
    return 'It points elsewhere, and redirects are not followed. Set that address as its URL, then retry.';
  return 'Look at what was sent and what came back, mend what it names, then retry the dead letters.';
}
