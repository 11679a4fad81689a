import type { Token } from './tokens.ts';
import { withOtherValues } from './values.ts';

const mask = '"[masked]"';
/** Fields whose values say who somebody is, or what he did. */
const personal = /^(?:userId|anonymousId|messageId|properties|traits|context)$/;

/**
 * A filter without the values that it compares what is personal with; one that cannot be read is masked as a whole.
 * @param shown what is shown of any other text
 */
export function maskedFql(text: string, shown: (value: string) => string = (value) => value): string {
  const other = (value: Token, field: string) => {
    if (personal.test(field) && value.text !== 'null') return mask;
    const said = value.kind === 'text' ? value.value : value.text;
    return shown(said) === said ? null : JSON.stringify(shown(said));
  };
  return withOtherValues(text, other) ?? mask;
}
