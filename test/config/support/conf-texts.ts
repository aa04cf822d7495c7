/**
 * Configurations as m2sh reads them, written after what Mongrel2's manual describes: each part of it occurs in one of them. A
 * text of `mimetypes` is left out: m2sh takes the extension's own type away for it and puts none in its place.
 */
export const CONF_TEXTS: Readonly<Record<string, string>> = {
  'a directory, a proxy and two handlers': `
web = Proxy(addr='127.0.0.1', port=8099)
files = Dir(base='files/', index_file='index.html', default_ctype='text/plain')
cached = Dir(base='files/cached/', index_file='start.html', default_ctype='text/html', cache_ttl=30)
api = Handler(send_spec='ipc://run/api-send', send_ident='8d5a7fbc-3a1c-4c55-9f1e-0f6d3a1c9b11', recv_spec='ipc://run/api-recv', recv_ident='')
chat = Handler(send_spec='ipc://run/chat-send', send_ident='chat', recv_spec='ipc://run/chat-recv', recv_ident='chat ', raw_payload=1, protocol='tnetstring')
main = Server(uuid='main', name='main', default_host='localhost', bind_addr='127.0.0.1', port=PORT, chroot='./',
  access_log='/logs/access.log', error_log='/logs/error.log', pid_file='/run/mongrel2.pid',
  hosts=[Host(name='localhost', routes={
    '/': files, '/cached/': cached, '/web/': web, '/api/': api, '/api/v([0-9]+)/': api, '@chat': chat, '<chat': chat,
    '/inline/': Dir(base='files/', index_file='index.html', default_ctype='text/plain')
  })])
settings = {'server.daemonize': 0, 'limits.buffer_size': 16384, 'superpoll.max_fd': 1024, 'upload.temp_store': '/uploads/up.XXXXXX', 'plugin.word': 'text'}
servers = [main]
`,
  'several servers and hosts that share routes': `
app = Handler(send_spec='ipc://run/app-send', send_ident='app', recv_spec='ipc://run/app-recv', recv_ident='app ')
routes = {'/': app, '/files/(.*.json)': Dir(base='files/', index_file='index.html', default_ctype='application/json')}
main = Server(uuid='main', name='first', default_host='example.com', bind_addr='127.0.0.1', port=PORT, chroot='./',
  access_log='/logs/access.log', error_log='/logs/error.log', pid_file='/run/mongrel2.pid',
  hosts=[Host(name='example.com', matching='(www)?.example.com', routes=routes), Host(name='localhost', routes=routes),
         Host(name='example.com', matching='example.com', routes={'/only/': app})])
other = Server(uuid='other-0001', name='second', default_host='localhost', bind_addr='127.0.0.1', port=OTHER, chroot='/srv/www/',
  access_log='/logs/a2.log', error_log='/logs/e2.log', pid_file='/run/second.pid', control_port='ipc://run/second',
  hosts=[Host(name='localhost', routes=routes)])
settings = {'server.daemonize': 0, 'superpoll.max_fd': 1024}
servers = [main, other]
`,
  'a filter and no settings but one': `
none = Filter(name='/usr/lib/mongrel2/filters/null.so', settings={"extensions": ["*.html", "*.txt"], "min_size": 1000, "nested": {"deep": [1, 2]}})
main = Server(uuid='main', name='main', default_host='localhost', bind_addr='127.0.0.1', port=PORT, chroot='./',
  access_log='/logs/access.log', error_log='/logs/error.log', pid_file='/run/mongrel2.pid', filters=[none],
  hosts=[Host(name='localhost', routes={'/': Dir(base='files/', index_file='index.html', default_ctype='text/plain')})])
settings = {'server.daemonize': 0}
servers = [main]
`,
};

/** A text with its ports in place. */
export const withPorts = (text: string, port: number, otherPort: number): string =>
  text.replaceAll('PORT', `${port}`).replaceAll('OTHER', `${otherPort}`);
