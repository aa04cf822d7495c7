import { secondsFlag, switchFlag, textFlag } from './flag.js';

const root = textFlag(undefined, {
  placeholder: 'DIR',
  help: "The folder that is Mongrel2's root, as this host sees it. Default: the server's chroot; a relative one counts from the database.",
});

const json = switchFlag({ help: 'Write JSON instead of text for people.' });
const help = switchFlag({ help: 'Show the flags and exit.', short: 'h', action: true });

/** The flags of `m2 serve` that choose handlers of a configuration. */
export const selectionFlags = {
  config: textFlag(undefined, {
    placeholder: 'FILE',
    help: "Mongrel2's configuration database: addresses, idents, limits and the upload folder come from it.",
  }),
  handler: textFlag(undefined, { placeholder: 'ID|IDENT', help: 'With --config: the handler of this id or send_ident.' }),
  vhost: textFlag(undefined, {
    placeholder: 'HOST',
    help: 'With --config: the handlers of the host that Mongrel2 takes for this Host header.',
  }),
  route: textFlag(undefined, {
    placeholder: 'ROUTE',
    help: 'With --config: the handlers of this route, as it is configured or as a path.',
  }),
  path: textFlag(undefined, {
    placeholder: 'PATH',
    help: 'With --config: the handler that Mongrel2 takes for this request path.',
  }),
  'all-handlers': switchFlag({ help: 'With --config: several handlers may fit; all of them are served.' }),
  chroot: root,
};

/** The flags of `m2 config`. */
export const configFlags = {
  out: textFlag(undefined, {
    placeholder: 'FILE',
    help: 'build: the database, else config.sqlite beside the definition. import: the TypeScript, else standard output.',
  }),
  force: switchFlag({ help: 'import: replace a file that is there.' }),
  strict: switchFlag({ help: 'build, check: warnings count as errors.' }),
  json,
  chroot: root,
  help,
};

/** The flags of `m2 control`. */
export const controlFlags = {
  config: textFlag(undefined, {
    placeholder: 'FILE',
    help: "Mongrel2's configuration database, which says where the control port is.",
  }),
  server: textFlag(undefined, { placeholder: 'UUID|NAME', help: 'With --config: the server, where there are several.' }),
  timeout: secondsFlag(5000, { help: 'How long an answer may take.' }),
  json,
  chroot: root,
  help,
};
