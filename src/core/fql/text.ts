import { storableText } from '../storable-text.ts';
import { faultText, fqlLimit, readFql } from './read.ts';

/** A filter in FQL as somebody gives it; what cannot be read is refused with its place. */
export const FqlText = storableText(fqlLimit).superRefine((text, context) => {
  if (text === '' || text.length > fqlLimit) return; // told already
  const read = readFql(text);
  if (!read.ok) context.addIssue({ code: 'custom', message: faultText(read.fault) });
});
