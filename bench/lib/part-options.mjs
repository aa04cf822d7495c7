/**
 * What every part of `run.mjs` is given.
 * @typedef {object} PartOptions
 * @property {number} rounds
 * @property {number} seconds per contender and round
 * @property {readonly string[]} only parts of the names to measure; empty for all
 * @property {(text: string) => void} progress is told what comes next
 */
