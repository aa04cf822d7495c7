/** How many of the things that any client can cause are logged one by one. */
const EACH_LOGGED = 10;

/** Whether the thing that happened for the `count`th time is to be logged: the first ten times, then each thousandth. */
export const worthLogging = (count: number): boolean => count <= EACH_LOGGED || count % 1000 === 0;
