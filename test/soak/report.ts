/** Prints what a long run measured, numbers with one decimal at most. */
export function reportFigures(title: string, figures: Readonly<Record<string, number>>): void {
  const lines = Object.entries(figures).map(([name, value]) => `  ${name}: ${Math.round(value * 10) / 10}`);
  console.log([title, ...lines].join('\n'));
}
