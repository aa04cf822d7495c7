// A Koa app: m2 dev examples/koa/app.js
import { Readable } from 'node:stream';
import Koa from 'koa';

const app = new Koa();

app.use((context) => {
  const { method, path } = context;
  if (path === '/') context.body = 'Hello from Koa behind Mongrel2\n';
  else if (path.startsWith('/hello/')) context.body = { hello: path.slice('/hello/'.length), from: context.ip };
  else if (path === '/count') context.body = Readable.from(['1\n', '2\n', '3\n', '4\n', '5\n'], { objectMode: false });
  else if (path === '/echo' && method === 'POST') context.body = context.req;
});

export default app;
