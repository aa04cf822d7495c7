// An Express app: m2 dev examples/express/app.js
import express from 'express';

const app = express();

app.get('/', (_request, response) => {
  response.type('text').send('Hello from Express behind Mongrel2\n');
});
app.get('/hello/:name', (request, response) => {
  response.json({ hello: request.params.name, from: request.ip });
});
app.post('/echo', express.raw({ type: '*/*', limit: '10mb' }), (request, response) => {
  response.type('application/octet-stream').send(request.body);
});
app.get('/count', (_request, response) => {
  response.type('text');
  for (let count = 1; count <= 5; count += 1) response.write(`${count}\n`);
  response.end();
});

export default app;
