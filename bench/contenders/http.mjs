// The controls without m2: node bench/contenders/http.mjs APP PORT
import { createServer } from 'node:http';
import { expressHello, fastifyHello, honoHello, nodeHello } from './apps.mjs';

const [app, port] = process.argv.slice(2);
const listening = () => console.log('ready');

if (app === 'node') createServer(nodeHello).listen(Number(port), '127.0.0.1', listening);
else if (app === 'express') createServer(await expressHello()).listen(Number(port), '127.0.0.1', listening);
else if (app === 'fastify') {
  const fastify = await fastifyHello();
  await fastify.listen({ port: Number(port), host: '127.0.0.1' });
  listening();
} else if (app === 'hono') {
  const { serve } = await import('@hono/node-server');
  serve({ fetch: (await honoHello()).fetch, port: Number(port), hostname: '127.0.0.1' }, listening);
}
process.once('SIGTERM', () => process.exit(0));
