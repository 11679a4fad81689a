import { InvalidArgumentError } from 'commander';

const example = 'Write it like http://localhost:4000 or https://reprise.example.com.';

/**
 * The address of an API, without a slash at its end.
 * @throws InvalidArgumentError for what no call can go to; it never shows a password
 */
export function apiUrl(text: string): string {
  const url = /^https?:\/\//i.test(text) && URL.canParse(text) ? new URL(text) : null;
  if (url === null) throw new InvalidArgumentError(`That is no address of an API. ${example}`);
  if (url.username !== '' || url.password !== '')
    throw new InvalidArgumentError(
      'The address holds a name or a password. Leave them out: --token or REPRISE_TOKEN opens the API.',
    );
  if (url.search !== '' || url.hash !== '')
    throw new InvalidArgumentError('The address goes on behind ? or #. Leave that out.');
  return text.replace(/\/+$/, '');
}
