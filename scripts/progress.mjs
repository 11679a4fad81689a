// Says what goes on: a spinner on a terminal, plain lines elsewhere. Plain JavaScript, because scripts/setup.mjs needs it before
// anything is installed.

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const frameMs = 80;

export function createProgress(stream = process.stdout) {
  const live = stream.isTTY && process.env.TERM !== 'dumb';
  const running = new Set();
  let timer = null;
  let frame = 0;

  const clear = () => live && stream.write('\r\x1b[2K');
  const draw = () => {
    if (!live || running.size === 0) return;
    const text = [...running].map((step) => step.text).join(' · ');
    stream.write(`\r\x1b[2K${frames[frame]} ${text.slice(0, (stream.columns ?? 80) - 3)}`);
  };
  const spin = () => {
    if (!live || timer !== null) return;
    timer = setInterval(() => {
      frame = (frame + 1) % frames.length;
      draw();
    }, frameMs);
    timer.unref();
  };
  const say = (line) => {
    clear();
    stream.write(`${line}\n`);
    draw();
  };
  const end = (step, mark, text) => {
    if (!running.delete(step)) return;
    if (running.size === 0 && timer !== null) {
      clearInterval(timer);
      timer = null;
    }
    const seconds = (performance.now() - step.began) / 1000;
    say(`${mark} ${text}${seconds >= 1 ? ` (${seconds.toFixed(seconds < 10 ? 1 : 0)} s)` : ''}`);
  };

  const start = (text) => {
    const step = { text, began: performance.now() };
    running.add(step);
    if (live) draw();
    else say(`  ${text} …`);
    spin();
    return {
      note: (line) => say(`  ${line}`),
      done: (result = text) => end(step, '✓', result),
      fail: (result = text) => end(step, '✗', result),
    };
  };
  return { say, start };
}
