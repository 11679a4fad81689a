const byId = (id) => document.getElementById(id);
const count = new Intl.NumberFormat('en');
const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const moment = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });

const refusalWords = {
  rateLimited: 'answered with 429',
  failed: 'answered with 500',
  down: 'closed without an answer',
  badSignature: 'refused for their signature',
  unreadable: 'refused as unreadable',
};

const markWords = { new: '', duplicate: 'duplicate', outOfOrder: 'out of order' };

function show(state) {
  const { stats, switches, checksSignatures } = state;
  for (const name of ['unique', 'duplicates', 'outOfOrder', 'users'])
    byId(name).textContent = count.format(stats[name]);
  byId('duplicates-box').classList.toggle('bad', stats.duplicates > 0);
  byId('out-of-order-box').classList.toggle('bad', stats.outOfOrder > 0);
  for (const box of document.querySelectorAll('[data-switch]')) box.checked = switches[box.dataset.switch];
  showState(switches);
  showChart(stats.perSecond);
  showRefused(stats.refused);
  showLast(stats.last);
  byId('secret-state').textContent = checksSignatures
    ? 'Signatures are checked.'
    : 'Signatures are not checked.';
  byId('forget').hidden = !checksSignatures;
}

function showState(switches) {
  const on = ['rateLimited', 'failing', 'slow'].filter((name) => switches[name]);
  const words = { rateLimited: 'rate-limited', failing: 'failing', slow: 'slow' };
  const state = byId('state');
  state.className = switches.down ? 'state bad' : on.length > 0 ? 'state warn' : 'state';
  state.textContent = switches.down ? 'down' : on.map((name) => words[name]).join(', ') || 'takes everything';
}

function showChart(perSecond) {
  const peak = Math.max(...perSecond);
  byId('now').textContent = count.format(perSecond.at(-2) ?? 0); // the last second that is complete
  byId('peak').textContent = count.format(peak);
  const width = 600 / perSecond.length;
  const bars = perSecond.map((value, index) => {
    const bar = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
    const height = peak === 0 ? 0 : (value / peak) * 92;
    bar.setAttribute('x', index * width + 1);
    bar.setAttribute('width', width - 2);
    bar.setAttribute('y', 96 - height);
    bar.setAttribute('height', height);
    return bar;
  });
  byId('chart').replaceChildren(...bars);
}

function showRefused(refused) {
  const parts = Object.entries(refused).filter(([, times]) => times > 0);
  const text = parts.map(([reason, times]) => `${count.format(times)} ${refusalWords[reason]}`).join(' · ');
  byId('refused').textContent = text === '' ? '' : `Not taken: ${text}`;
}

function showLast(last) {
  byId('empty').hidden = last.length > 0;
  byId('last').hidden = last.length === 0;
  const rows = last.map((receipt) => {
    const row = document.createElement('tr');
    const cell = (text, className = '') => {
      const made = document.createElement('td');
      made.textContent = text;
      made.className = className;
      if (className !== '') made.title = text; // may be cut off
      row.append(made);
    };
    cell(clock.format(receipt.atMs));
    cell(receipt.name === null ? receipt.type : `${receipt.name} (${receipt.type})`);
    cell(receipt.user ?? '–', 'user');
    cell(receipt.orderMs === null ? '–' : moment.format(receipt.orderMs));
    cell(receipt.id, 'id');
    cell(markWords[receipt.mark], 'mark');
    return row;
  });
  byId('last').tBodies[0].replaceChildren(...rows);
}

async function post(path, body) {
  const answer = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return answer.ok ? null : (await answer.json()).error;
}

async function checkSignatures() {
  const problem = await post('switches', { secret: byId('secret').value.trim() });
  if (problem === null) byId('secret').value = '';
  else byId('secret-state').textContent = problem;
}

for (const box of document.querySelectorAll('[data-switch]')) {
  box.addEventListener('change', () => void post('switches', { [box.dataset.switch]: box.checked }));
}
byId('reset').addEventListener('click', () => void post('reset', {}));
byId('forget').addEventListener('click', () => void post('switches', { secret: null }));
byId('secret-form').addEventListener('submit', (event) => {
  event.preventDefault();
  void checkSignatures();
});
byId('url').textContent = `${location.origin}/events`;

const updates = new EventSource('updates');
updates.addEventListener('message', (event) => show(JSON.parse(event.data)));
updates.addEventListener('error', () => {
  byId('state').className = 'state bad';
  byId('state').textContent = 'this page lost its connection';
});
