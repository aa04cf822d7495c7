// A Fastify app: m2 dev examples/fastify/app.js
import { Readable } from 'node:stream';
import fastify from 'fastify';

const app = fastify({ bodyLimit: 10 * 1024 * 1024 });

app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
app.get('/', (_request, reply) => reply.type('text/plain').send('Hello from Fastify behind Mongrel2\n'));
app.get('/hello/:name', async (request) => ({ hello: request.params.name, from: request.ip }));
app.post('/echo', (request, reply) => reply.type('application/octet-stream').send(request.body));
app.get('/count', (_request, reply) =>
  reply.type('text/plain').send(Readable.from(['1\n', '2\n', '3\n', '4\n', '5\n'], { objectMode: false })),
);

export default app;
