import { withOtherValues } from './values.ts';

const mask = '"[masked]"';
/** Fields whose values say who somebody is, or what he did. */
const personal = /^(?:userId|anonymousId|messageId|properties|traits|context)$/;

/** A filter without the values that it compares what is personal with; one that cannot be read is masked as a whole. */
export function maskedFql(text: string): string {
  return (
    withOtherValues(text, (value, field) => (personal.test(field) && value.text !== 'null' ? mask : null)) ??
    mask
  );
}
