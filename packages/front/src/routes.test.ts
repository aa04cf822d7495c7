import { describe, expect, it } from 'vitest';
import { Routes } from './routes.js';

function routesOf(...paths: string[]): Routes<string> {
  const routes = new Routes<string>();
  for (const path of paths) routes.add(path, path);
  return routes;
}

describe('Routes', () => {
  it('finds the longest prefix', () => {
    const routes = routesOf('/', '/app/', '/app/admin/', '*');
    const find = (path: string) => routes.find(path)?.target;
    expect(find('/x')).toBe('/');
    expect(find('/app/x')).toBe('/app/');
    expect(find('/app/admin/x')).toBe('/app/admin/');
    expect(find('//evil/app/')).toBe('/');
    expect(find('*')).toBe('*');
    expect(routesOf('/app/').find('/other')).toBeUndefined();
  });

  it('takes a path that is the beginning of a route for that route', () => {
    expect(routesOf('/', '/json/').find('/j')?.target).toBe('/json/');
    expect(routesOf('/json/').find('/')?.target).toBe('/json/');
    // The nearest one below, along the one that was added first.
    expect(routesOf('/json/long/', '/json/', '/jx/').find('/j')?.target).toBe('/json/');
    expect(routesOf('/jx/', '/json/').find('/j')?.target).toBe('/jx/');
    expect(routesOf('/json/a', '/json/').find('/json/')?.target).toBe('/json/');
  });

  it.each(['', 'app/', '/app /', '/pat/([a-z]+)', '/\u20ac'])('refuses %j', (path) => {
    expect(() => routesOf(path)).toThrow(expect.objectContaining({ code: 'M2_OPTION_INVALID' }));
  });

  it('refuses a path twice', () => {
    expect(() => routesOf('/a', '/a')).toThrow(/another handler has it/);
  });
});
