// Middlewares that reach deep into requests and responses.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connect as connectClient, deferred } from '../harness.js';
import { connect, express, express4, load, type Make, polka, serveNode, type UseApp } from './kinds.js';

type Middleware = (request: never, response: never, next: (error?: unknown) => void) => void;
interface Reply {
  json(value: unknown): void;
  send(value: unknown): void;
  end(value?: unknown): void;
  write(value: unknown): boolean;
  setHeader(name: string, value: string): void;
}

const stacks = [
  { stack: 'Express 5', make: express },
  { stack: 'Express 4', make: express4 },
  { stack: 'Connect', make: connect },
  { stack: 'Polka', make: polka },
] as const;

const middleware = (name: string) => load<Make<Middleware>>(name);
const bodyParser = load<Record<'json' | 'urlencoded' | 'text' | 'raw', Make<Middleware>>>('body-parser');
const multer = load<() => { any(): Middleware }>('multer');
const busboy = load<(options: { headers: unknown }) => NodeJS.WritableStream & NodeJS.EventEmitter>('busboy');

const json = (value: unknown) => (_: unknown, response: Reply) => {
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify(value));
};
const serve = (app: UseApp) => serveNode(app as never);

const FORM = [
  '--cut',
  'Content-Disposition: form-data; name="field"',
  '',
  'value',
  '--cut',
  'Content-Disposition: form-data; name="file"; filename="a.txt"',
  'Content-Type: text/plain',
  '',
  'x'.repeat(100_000),
  '--cut--',
  '',
].join('\r\n');
const MULTIPART = [['content-type', 'multipart/form-data; boundary=cut']] as const;

describe.each(stacks)('with $stack', ({ make }) => {
  it.each([
    ['json', 'application/json', '{"a":[1,2]}', { a: [1, 2] }],
    ['urlencoded', 'application/x-www-form-urlencoded', 'a=1&b=2', { a: '1', b: '2' }],
    ['text', 'text/plain', 'some text', 'some text'],
  ] as const)('body-parser reads %s, whole, chunked and large', async (kind, type, body, value) => {
    const app = make().use(bodyParser[kind]({ extended: false, limit: '1mb' }));
    app.use((request: { body: unknown }, response: Reply) => json(request.body)(request, response));
    const { ask } = await serve(app);
    const headers = [['content-type', type]] as const;
    expect((await ask({ method: 'POST', body, headers })).text).toBe(JSON.stringify(value));
    expect((await ask({ method: 'POST', chunks: [body.slice(0, 3), body.slice(3)], headers })).text).toBe(JSON.stringify(value));
    if (kind === 'text') expect((await ask({ method: 'POST', body: 'y'.repeat(500_000), headers })).body.length).toBe(500_002);
  });

  it('body-parser waits behind a middleware that is asynchronous', async () => {
    const app = make().use(async (_: unknown, __: unknown, next: () => void) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      next();
    });
    app.use(bodyParser.json());
    app.use((request: { body: unknown }, response: Reply) => json(request.body)(request, response));
    const { ask } = await serve(app);
    expect((await ask({ body: '{"late":true}', headers: [['content-type', 'application/json']] })).text).toBe('{"late":true}');
  });

  it('compression compresses, streamed and whole', async () => {
    const app = make().use(middleware('compression')({ threshold: 0 }));
    app.use((request: { url: string }, response: Reply & { flush(): void }) => {
      response.setHeader('Content-Type', 'text/plain');
      if (request.url === '/whole') return response.end('w'.repeat(5000));
      response.write('a'.repeat(5000));
      response.flush();
      setImmediate(() => response.end('b'));
    });
    const { ask } = await serve(app);
    const headers = [['accept-encoding', 'gzip']] as const;
    for (const [path, text] of [
      ['/whole', 'w'.repeat(5000)],
      ['/parts', `${'a'.repeat(5000)}b`],
    ] as const) {
      const response = await ask({ path, headers });
      expect([response.header('content-encoding'), gunzipSync(response.body).toString()]).toEqual(['gzip', text]);
    }
  });

  it('morgan logs when the response is over, and who asked', async () => {
    const lines: string[] = [];
    const logged = deferred();
    const stream = {
      write(line: string) {
        lines.push(line);
        logged.resolve();
      },
    };
    const morgan = load<(format: string, options: unknown) => Middleware>('morgan');
    const app = make().use(morgan(':method :url :status :remote-addr :res[content-length] HTTP/:http-version', { stream }));
    app.use((_: unknown, response: Reply) => {
      response.setHeader('Content-Length', '5');
      response.end('hello');
    });
    await (await serve(app)).ask('/logged');
    await logged.promise;
    expect(lines).toEqual(['GET /logged 200 127.0.0.1 5 HTTP/1.1\n']);
  });

  it('busboy takes an upload as it comes', async () => {
    const app = make().use((request: NodeJS.ReadableStream & { headers: unknown }, response: Reply) => {
      const seen: unknown[] = [];
      const parser = busboy({ headers: request.headers });
      parser.on('field', (name: string, value: string) => seen.push([name, value]));
      parser.on('file', (name: string, file: NodeJS.ReadableStream) => {
        let length = 0;
        file.on('data', (part: Buffer) => {
          length += part.length;
        });
        file.on('end', () => seen.push([name, length]));
      });
      parser.on('close', () => json(seen)(request, response));
      request.pipe(parser);
    });
    const { ask } = await serve(app);
    expect((await ask({ body: FORM, headers: MULTIPART })).text).toBe('[["field","value"],["file",100000]]');
  });

  it('serve-static answers ranges, conditions and HEAD', async () => {
    const root = mkdtempSync(join(tmpdir(), 'm2-static-'));
    onTestFinished(() => rmSync(root, { recursive: true }));
    writeFileSync(join(root, 'file.txt'), '0123456789'.repeat(20_000));
    const serveStatic = load<(root: string) => Middleware>('serve-static');
    const { ask } = await serve(make().use(serveStatic(root)));
    const whole = await ask('/file.txt');
    expect([whole.body.length, whole.header('accept-ranges')]).toEqual([200_000, 'bytes']);
    const range = await ask({ path: '/file.txt', headers: [['range', 'bytes=5-9']] });
    expect([range.status, range.text, range.header('content-range')]).toEqual([206, '56789', 'bytes 5-9/200000']);
    const known = [['if-none-match', whole.header('etag') ?? '']] as const;
    const [unchanged, head] = [
      await ask({ path: '/file.txt', headers: known }),
      await ask({ path: '/file.txt', method: 'HEAD' }),
    ];
    expect([unchanged.status, unchanged.text, head.header('content-length'), head.text]).toEqual([304, '', '200000', '']);
    expect((await ask('/missing.txt')).status).toBe(404);
  });
});

describe.each(stacks.slice(0, 3))('sessions, headers and errors, with $stack', ({ make }) => {
  it('express-session keeps a session over requests', async () => {
    const app = make().use(middleware('express-session')({ secret: 'x', resave: false, saveUninitialized: true }));
    app.use((request: { session: { count?: number } }, response: Reply) => {
      request.session.count = (request.session.count ?? 0) + 1;
      response.end(String(request.session.count));
    });
    const { ask } = await serve(app);
    const first = await ask();
    const cookie = first.header('set-cookie')?.split(';')[0] ?? '';
    expect([first.text, (await ask({ headers: [['cookie', cookie]] })).text, (await ask()).text]).toEqual(['1', '2', '1']);
  });

  it('body-parser refuses what is too large, and the next request is answered', async () => {
    const app = make().use(bodyParser.text({ limit: 10 }));
    app.use((_: unknown, response: Reply) => response.end('ok'));
    app.use((error: { status: number }, _: unknown, response: Reply & { statusCode: number }, __: unknown) => {
      response.statusCode = error.status;
      response.end('refused');
    });
    const { mongrel2 } = await serve(app);
    const client = connectClient(mongrel2, { body: 'z'.repeat(50_000), headers: [['content-type', 'text/plain']] });
    expect((await client.response()).status).toBe(413);
    expect((await client.request().response()).text).toBe('ok');
  });

  it('helmet sets its headers', async () => {
    const app = make().use(middleware('helmet')());
    app.use((_: unknown, response: Reply) => response.end('x'));
    const response = await (await serve(app)).ask();
    expect([response.header('x-powered-by'), response.header('x-content-type-options')]).toEqual([undefined, 'nosniff']);
    expect(response.header('content-security-policy')).toContain("default-src 'self'");
  });

  it('multer takes files', async () => {
    const app = make().use(multer().any());
    app.use((request: { body: object; files: { originalname: string; size: number }[] }, response: Reply) =>
      json([request.body, request.files.map(({ originalname, size }) => [originalname, size])])(request, response),
    );
    const { ask } = await serve(app);
    expect((await ask({ body: FORM, headers: MULTIPART })).text).toBe('[{"field":"value"},[["a.txt",100000]]]');
  });
});
