import { M2Error } from '@m2/core';
import { describe, expect, it } from 'vitest';
import { handler } from '../test/support.js';
import { checkDefinition } from './build-config.js';
import type { ConfigDefinition } from './definition.js';
import { type HandlerSelector, selectHandlers } from './selector.js';

const definition: ConfigDefinition = {
  handlers: { app: handler('app', 9999), api: handler('api', 9997), admin: handler('admin', 9995), late: handler('12', 9993) },
  servers: [
    {
      uuid: 'u-1',
      name: 'front',
      port: 6767,
      hosts: [
        {
          name: 'example.com',
          routes: {
            '/': { handler: 'app' },
            '/api/': { handler: 'api' },
            '/api/v([0-9]+)/': { handler: 'api' },
            '/static/': { dir: { base: 'static/' } },
            '/old/': { proxy: { addr: '127.0.0.1', port: 80 } },
            '@chat': { handler: 'app' },
          },
        },
        { name: 'admin.example.com', routes: { '/': { handler: 'admin' } } },
      ],
    },
    { uuid: 'u-2', name: 'back', port: 6768, hosts: [{ name: 'localhost', routes: { '/': { handler: 'late' } } }] },
  ],
};
const { model } = checkDefinition(definition);

const idents = (selector: HandlerSelector) => selectHandlers(model, selector).map(({ handler: { sendIdent } }) => sendIdent);

describe('selectHandlers', () => {
  it.each<[HandlerSelector, string]>([
    [{ handler: 'api' }, 'api'],
    [{ handler: 3 }, 'admin'],
    [{ handler: '2' }, 'api'],
    // An ident goes before an id that reads the same; a number is an id.
    [{ handler: '12' }, '12'],
    [{ handler: 4 }, '12'],
    [{ server: 'u-2' }, '12'],
    [{ server: 'back' }, '12'],
    [{ host: 'admin.example.com' }, 'admin'],
    [{ host: 'x.admin.example.com:8080' }, 'admin'],
    [{ server: 'front', host: 'nobody.test', path: '/x' }, 'app'],
    [{ route: '/api/' }, 'api'],
    [{ route: '/api/v([0-9]+)/' }, 'api'],
    [{ route: '/api' }, 'api'],
    [{ route: '@chat' }, 'app'],
    [{ path: '/api/users?x=/' }, 'api'],
    [{ path: '/api/v2/users' }, 'api'],
    [{ host: 'example.com', path: '/api/v2/users' }, 'api'],
    [{ server: 'front', host: 'example.com', path: '/other' }, 'app'],
    [{ route: '/', host: 'admin.example.com' }, 'admin'],
  ])('%o chooses %s', (selector, ident) => {
    // Every server has a default host, so a path alone is one of each.
    const server = selector.handler === undefined ? 'front' : undefined;
    expect(idents({ ...(server === undefined ? {} : { server }), ...selector })).toEqual([ident]);
  });

  it('chooses several when asked to', () => {
    expect(idents({ all: true })).toEqual(['app', 'api', 'admin', '12']);
    expect(idents({ path: '/', all: true })).toEqual(['app', '12']);
  });

  it.each<[HandlerSelector, string]>([
    [{}, '4 handlers fit a selection that says nothing'],
    [{ server: 'third' }, 'There is no server third'],
    [{ handler: 'apj' }, 'No handler fits handler apj'],
    [{ handler: 12 }, 'No handler fits handler 12'],
    [{ route: '/', server: 'front' }, '2 handlers fit server front, route /'],
    [{ path: '/' }, '2 handlers fit path /'],
    [{ server: 'front', path: '/static/x.css' }, 'leads to the route /static/ and to the dir static/, not to a handler'],
    [{ server: 'front', route: '/old/' }, 'leads to the route /old/ and to the proxy 127.0.0.1, not to a handler'],
    [{ handler: 'api', path: '/other' }, 'No handler fits handler api, path /other'],
  ])('refuses %o and says what there was', (selector, message) => {
    const refusal = (() => {
      try {
        selectHandlers(model, selector);
      } catch (error) {
        return error;
      }
      return undefined;
    })();
    expect(M2Error.is(refusal) && refusal.code).toBe('M2_CONFIG_SELECTION');
    expect((refusal as M2Error).message).toContain(message);
    expect((refusal as M2Error).message).toContain(
      'handler app (id 1, tcp://127.0.0.1:9999) of server front: example.com /, example.com @chat',
    );
  });

  it('takes rows with the same addresses for one, with the idents of the first', () => {
    const twins = checkDefinition({
      servers: [
        {
          uuid: 'main',
          port: 1,
          hosts: [
            { name: 'h', routes: { '/a': { handler: handler('first', 9999) }, '/b': { handler: handler('second', 9999) } } },
          ],
        },
      ],
    }).model;
    const [one, ...others] = selectHandlers(twins, { handler: 'second' });
    expect(others).toEqual([]);
    expect(one?.handler.sendIdent).toBe('first');
    expect(one?.routes.map(({ route }) => route.path)).toEqual(['/a', '/b']);
  });

  it('says so when there is nothing to choose from', () => {
    const none = checkDefinition({ servers: [{ uuid: 'main', port: 1, hosts: [{ name: 'h', routes: {} }] }] }).model;
    expect(() => selectHandlers(none)).toThrow(
      'No handler fits a selection that says nothing. The configuration has no routes to handlers.',
    );
  });
});
