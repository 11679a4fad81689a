/** Text that is safe inside a page. */
export type Html = string & { readonly html: true };

/** A paragraph of a text in which `**` makes bold and a backtick code. */
export function paragraph(text: string): Html {
  const marked = escape(text)
    .replaceAll(/\*\*(.+?)\*\*/g, '<strong>$1</strong>')
    .replaceAll(/`(.+?)`/g, '<code>$1</code>');
  return `<p>${marked}</p>` as Html;
}

export function code(text: string): Html {
  return `<code>${escape(text)}</code>` as Html;
}

export function preformatted(text: string): Html {
  return `<pre>${escape(text)}</pre>` as Html;
}

/** A whole page of these parts, without anything that it would have to load. */
export function page(title: string, parts: readonly Html[]): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)} · Reprise</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
${parts.join('\n')}
</body>
</html>
`;
}

const style =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1c2333}' +
  'pre{background:#f3f5f9;padding:1rem;overflow:auto}code,pre{font-family:ui-monospace,monospace}a{color:#2f5bd8}' +
  'h2{margin-top:2rem}';

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
