import { faultText, readFql } from './read.ts';
import type { FqlTree } from './tree.ts';

const kept = 1_000;
const trees = new Map<string, FqlTree>();

/** The tree of a filter that was checked when it was stored. @throws where it cannot be read all the same */
export function treeOf(text: string): FqlTree {
  const known = trees.get(text);
  if (known !== undefined) return known;
  const read = readFql(text);
  if (!read.ok) throw new Error(`a stored filter cannot be read: ${faultText(read.fault)}`);
  if (trees.size >= kept) trees.clear();
  trees.set(text, read.tree);
  return read.tree;
}
