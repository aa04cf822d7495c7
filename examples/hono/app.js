// A Hono app: m2 dev examples/hono/app.js
import { Hono } from 'hono';
import { streamText } from 'hono/streaming';

const app = new Hono();

app.get('/', (context) => context.text('Hello from Hono behind Mongrel2\n'));
app.get('/hello/:name', (context) => context.json({ hello: context.req.param('name') }));
app.post('/echo', async (context) => context.body(await context.req.arrayBuffer()));
app.get('/count', (context) =>
  streamText(context, async (stream) => {
    for (let count = 1; count <= 5; count += 1) await stream.writeln(String(count));
  }),
);

export default app;
