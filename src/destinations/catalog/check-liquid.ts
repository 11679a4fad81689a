import { Liquid } from 'liquidjs';

/** Characters of a template; the catalog's framework takes no more, either. */
const longest = 1_000;
// What the framework forbids at every event is told when the mapping is saved.
const forbiddenTags = ['case', 'for', 'include', 'layout', 'render', 'tablerow'];
const forbiddenFilters =
  'array_to_sentence_string concat find find_exp find_index find_index_exp group_by group_by_exp has has_exp map newline_to_br reject reject_exp reverse sort sort_natural uniq where_exp type'.split(
    ' ',
  );

const engine = new Liquid({ parseLimit: longest, strictFilters: true });

/** What is wrong with a Liquid template, or null. It is parsed, never run. */
export function liquidProblem(template: string): string | null {
  if (template.length > longest)
    return `A Liquid template may have ${longest} characters; this has ${template.length}.`;
  // A range such as (1..100000000) makes its whole list in memory. It cannot be written without "(" before "..", so
  // nothing else has to be understood to refuse it.
  if (/\([^]*\.\./.test(template)) return 'Ranges such as (1..5) are not taken. Write the values out.';
  for (const [, tag = ''] of template.matchAll(/\{%-?\s*(\w+)/g)) {
    if (forbiddenTags.includes(tag)) return `The Liquid tag "${tag}" is not taken. Leave it out.`;
  }
  for (const [, filter = ''] of template.matchAll(/\|\s*(\w+)/g)) {
    if (forbiddenFilters.includes(filter)) return `The Liquid filter "${filter}" is not taken. Leave it out.`;
  }
  try {
    engine.parse(template);
    return null;
  } catch (error) {
    return `This is no Liquid template: ${error instanceof Error ? error.message.split('\n', 1)[0] : 'not readable'}.`;
  }
}
