import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import type { Visit, Visits } from '../visit.js';
import { ALIVE, type AppKind } from './kind.js';
import { toHandler } from './node-handler.js';
import { fileAnswer, pieces, plannedError, sizeOf, wholeBody } from './pieces.js';
import { addSeen, noteBody, readNodeBody, watchNode } from './watch-node.js';

async function fastifyApp(visits: Visits): Promise<FastifyInstance> {
  const app = fastify({ bodyLimit: 10_000_000, forceCloseConnections: true });
  // JSON and text it parses itself; whatever else is left for the app to read.
  app.addContentTypeParser('*', (_request: FastifyRequest, _payload: IncomingMessage, done) => done(null, undefined));
  app.addHook('onRequest', async ({ raw }, reply) => {
    const visit = visits.find(raw.url ?? '');
    if (visit === undefined) return;
    watchNode(raw, reply.raw, visit);
  });
  app.route({
    method: app.supportedMethods.filter((method) => method !== 'HEAD'),
    url: '*',
    exposeHeadRoute: true,
    handler: (request, reply) => handle(visits, request, reply),
  });
  await app.ready();
  return app;
}

async function handle(visits: Visits, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const visit = visits.find(request.originalUrl);
  if (visit === undefined) return reply.send(ALIVE);
  const { ip, protocol, host, hostname, query } = request;
  addSeen(visit, { ip, protocol, host, hostname, query: { ...(query as Record<string, unknown>) } });
  const { plan } = visit;
  if (plan.failure === 'throw' || plan.failure === 'reject') throw plannedError();
  if (plan.read !== 'none') await readBody(request, visit);
  if (plan.hold === 'before') await visit.released.promise;
  if (plan.hints !== undefined) reply.raw.writeEarlyHints({ link: [...plan.hints] });
  return await send(request, reply, visit);
}

async function readBody(request: FastifyRequest, visit: Visit): Promise<void> {
  const parsed = request.body;
  if (parsed === undefined || parsed === null) await readNodeBody(request.raw, visit);
  else noteBody(visit, Buffer.from(typeof parsed === 'string' ? parsed : JSON.stringify(parsed), 'utf8'));
}

async function send(request: FastifyRequest, reply: FastifyReply, visit: Visit): Promise<FastifyReply> {
  const { plan } = visit;
  reply.code(plan.status);
  if (plan.reason !== undefined) reply.raw.statusMessage = plan.reason;
  for (const name of new Set(plan.headers.map(([key]) => key))) {
    const values = plan.headers.filter(([key]) => key === name).map(([, value]) => value);
    reply.header(name, values.length === 1 ? values[0] : values);
  }
  switch (plan.body.kind) {
    case 'none':
      return reply.send();
    case 'whole':
      return reply.send(wholeBody(plan.body));
    case 'echo':
      return reply.send(`${visit.body?.size} ${visit.body?.hash}`);
    case 'json':
      return reply.send({ body: request.body });
    case 'file': {
      const { status, headers, bytes } = fileAnswer((name) => request.headers[name] as string | undefined);
      return reply
        .code(status)
        .headers(Object.fromEntries(headers))
        .send(bytes ?? undefined);
    }
    case 'pieces':
      if (plan.body.declared) reply.header('Content-Length', sizeOf(plan.body));
      for (const [name, value] of plan.trailers ?? []) reply.trailer(name, async () => value);
      return reply.send(Readable.from(pieces(plan, visit), { objectMode: false }));
  }
}

/** Fastify 5, the app object itself. */
export const fastifyKind: AppKind = {
  id: 'fastify',
  title: 'Fastify 5',
  without: new Set(),
  server: async (visits) => (await fastifyApp(visits)).server,
  handler: async (visits) => toHandler(await fastifyApp(visits)),
};
