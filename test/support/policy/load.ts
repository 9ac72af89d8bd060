import assert from 'node:assert/strict';
import { loadPolicy } from '../../../policy/load.ts';
import type { Diagnostic, LoadedPolicy } from '../../../policy/policy.ts';

/** Loads a source that must load. */
export function mustLoad(text: string, options?: Parameters<typeof loadPolicy>[1]): LoadedPolicy {
  const loaded = loadPolicy(text, options);
  assert.ok(loaded.ok, loaded.ok ? '' : JSON.stringify(loaded.diagnostics.slice(0, 3)));
  return loaded.policy;
}

/** Loads a source that must not, and answers its first diagnostic. */
export function mustRefuse(text: string): Diagnostic {
  const loaded = loadPolicy(text);
  assert.ok(!loaded.ok, 'the policy loads');
  const [first] = loaded.diagnostics;
  assert.ok(first !== undefined, 'no diagnostic');
  return first;
}
