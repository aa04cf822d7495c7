import type { Case } from '../case.js';
import { Random } from '../random.js';
import { CONNECTIONS } from './connections.js';
import type { Behaviour } from './make.js';
import { REQUESTS } from './requests.js';
import { RESPONSES } from './responses.js';

/** Every behaviour, in the order of the grid's rows. */
export const BEHAVIOURS: readonly Behaviour[] = [...REQUESTS, ...RESPONSES, ...CONNECTIONS];

/** The case of a behaviour with this number; the same for the same seed, whatever else is made. */
export function makeCase(seed: string, behaviour: Behaviour, index: number): Case {
  return { behaviour: behaviour.id, index, ...behaviour.make(new Random(`${seed}/${behaviour.id}/${index}`)) };
}

/** The first `count` cases of each behaviour. */
export const makeCases = (seed: string, count: number): Case[] =>
  BEHAVIOURS.flatMap((behaviour) => Array.from({ length: count }, (_, index) => makeCase(seed, behaviour, index)));
