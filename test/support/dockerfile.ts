import { readFileSync } from 'node:fs';

/** One instruction of a Dockerfile. */
export interface Instruction {
  readonly name: string;
  /** All behind the name. */
  readonly text: string;
}

/** The instructions from one FROM to the next, without the FROM. */
export interface Stage {
  readonly base: string;
  /** What others copy from it by; null: the last one needs none. */
  readonly name: string | null;
  readonly instructions: readonly Instruction[];
}

/** The stages of a Dockerfile of this repository. Source: docs.docker.com/reference/dockerfile. */
export function readDockerfile(file: URL): Stage[] {
  const stages: (Stage & { instructions: Instruction[] })[] = [];
  for (const { name, text } of instructionsIn(readFileSync(file, 'utf8'))) {
    if (name === 'FROM') {
      const [, base = '', as = null] = /^(\S+)(?: AS (\S+))?$/.exec(text) ?? [];
      stages.push({ base, name: as, instructions: [] });
    } else {
      const stage = stages.at(-1);
      if (stage === undefined) throw new Error(`${name} stands before the first FROM`);
      stage.instructions.push({ name, text });
    }
  }
  return stages;
}

function instructionsIn(text: string): Instruction[] {
  const lines = text.split('\n').filter((line) => !line.trimStart().startsWith('#'));
  const joined = lines.join('\n').replaceAll(/\\\n/g, ' ').split('\n');
  return joined
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => {
      const [, name = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
      if (name === '') throw new Error(`no instruction: ${line}`);
      return { name, text: rest };
    });
}

/** The words of one instruction of a stage, which is there once. */
export function instructionOf(stage: Stage, name: string): string {
  const found = stage.instructions.filter((instruction) => instruction.name === name);
  if (found.length !== 1) throw new Error(`${name} stands there ${found.length} times`);
  return found[0]?.text ?? '';
}

/** The words of an instruction in its exec form. */
export function wordsOf(stage: Stage, name: string): string[] {
  return JSON.parse(instructionOf(stage, name)) as string[];
}

/**
 * Which files .dockerignore lets into a build: the last pattern that fits a path, or a folder above it, decides.
 * Source: docs.docker.com/build/concepts/context, of which this knows names and `*` alone.
 */
export function readDockerignore(file: URL): (path: string) => boolean {
  const rules = readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ keeps: line.startsWith('!'), pattern: line.replace(/^!/, '') }));
  return (path) => {
    const places = path.split('/').map((_, index, parts) => parts.slice(0, index + 1).join('/'));
    const last = rules.findLast(
      ({ pattern }) => places.includes(pattern) || (pattern === '*' && path !== ''),
    );
    return last?.keeps ?? true;
  };
}
