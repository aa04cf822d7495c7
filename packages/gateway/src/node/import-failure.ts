import { M2Error } from '@m2/core';
import { describeError } from '../app-failure.js';
import { locateError, locateSyntaxError } from './error-location.js';
import type { AppSpecifier } from './specifier.js';

/** The first version of Node that runs TypeScript files by itself. */
const STRIPS_TYPES = '22.18';

interface CodedError {
  readonly code?: unknown;
  readonly message?: unknown;
}

/** Says why an app's module could not be imported, and what to do. */
export async function importFailure(specifier: AppSpecifier, cause: unknown): Promise<M2Error> {
  const { code, message } = (typeof cause === 'object' && cause !== null ? cause : {}) as CodedError;
  const text = typeof message === 'string' ? message : '';
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION') return unknownExtension(specifier, text, cause);
  if (typeof code === 'string' && (code.startsWith('ERR_UNSUPPORTED_TYPESCRIPT') || code.startsWith('ERR_INVALID_TYPESCRIPT'))) {
    return typescript(specifier, `${describeError(cause)}${at(locateError(cause))}. Node only strips types; run it with`, cause);
  }
  if (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') return missingModule(specifier, text, cause);
  const where = cause instanceof SyntaxError ? await locateSyntaxError(cause, specifier.path) : locateError(cause);
  return failed(specifier, `${describeError(cause)}${at(where)}.${hintFor(cause, text)}`, cause, { where });
}

function failed(specifier: AppSpecifier, why: string, cause: unknown, details: Readonly<Record<string, unknown>> = {}): M2Error {
  return new M2Error('M2_APP_IMPORT_FAILED', `The app ${specifier.fileName} was found, but could not be loaded: ${why}`, {
    cause,
    details: { path: specifier.path, ...details },
  });
}

const at = (where: string | undefined): string => (where === undefined ? '' : ` at ${where}`);

function unknownExtension(specifier: AppSpecifier, text: string, cause: unknown): M2Error {
  const [, extension = '', file = specifier.path] = /extension "(\.\w+)" for (.+)$/.exec(text) ?? [];
  if (/^\.[cm]?ts$|^\.tsx$/.test(extension)) {
    const jsx = extension === '.tsx';
    const newer = jsx ? 'No Node runs JSX' : `Node runs TypeScript from ${STRIPS_TYPES} on, and this is ${process.versions.node}`;
    return typescript(
      specifier,
      `${file} is TypeScript${jsx ? ' with JSX' : ''}. ${newer}: build it to JavaScript, or run`,
      cause,
    );
  }
  if (extension === '.jsx') {
    return failed(
      specifier,
      `${file} is JSX, which Node does not run. Build it to JavaScript, or run ${withTsx(specifier)}.`,
      cause,
    );
  }
  return failed(specifier, `Node does not run files named *${extension || file}. An app is a .mjs, .js or .cjs file.`, cause);
}

const withTsx = ({ given }: AppSpecifier): string => `node --import tsx node_modules/.bin/m2 serve ${given} … (npm install tsx)`;

const typescript = (specifier: AppSpecifier, why: string, cause: unknown): M2Error =>
  new M2Error(
    'M2_APP_TYPESCRIPT_UNSUPPORTED',
    `The app ${specifier.fileName} could not be loaded: ${why} ${withTsx(specifier)}.`,
    {
      cause,
      details: { path: specifier.path, node: process.versions.node },
    },
  );

/** Something that the app imports is not there; the app itself is. */
function missingModule(specifier: AppSpecifier, text: string, cause: unknown): M2Error {
  const [, name = 'a module', importer] = /^Cannot find (?:package|module) '([^']+)'(?: imported from (.+))?$/m.exec(text) ?? [];
  const required = /Require stack:\n- (.+)/.exec(text)?.[1];
  const by = importer ?? required ?? specifier.path;
  const isPackage = !/^(?:\.{0,2}\/|[A-Za-z]:[\\/]|file:)/.test(name);
  const todo = isPackage ? `which is not installed: npm install ${packageName(name)}` : 'which does not exist';
  return failed(specifier, `${by} imports '${name}', ${todo}.`, cause, { missing: name, importer: by });
}

const packageName = (specifier: string): string => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');

/** Mistakes whose own message does not say what to do. */
const HINTS: readonly (readonly [pattern: RegExp, hint: string])[] = [
  [
    /^Cannot use import statement outside a module|^Unexpected token 'export'/,
    'Name the file .mjs, or put "type": "module" in package.json.',
  ],
  [
    /^(?:require|module|exports|__dirname|__filename) is not defined in ES module scope/,
    'Name the file .cjs, or use import and export.',
  ],
  [
    /^Unexpected token '<'/,
    'If that is JSX: Node does not run it; build it to JavaScript, or load a JSX loader with node --import.',
  ],
  [/EADDRINUSE/, 'The app opens a port of its own; behind Mongrel2 it needs none: export the app instead of calling listen().'],
];

function hintFor(cause: unknown, text: string): string {
  if (!(cause instanceof Error)) return '';
  const hint = HINTS.find(([pattern]) => pattern.test(text))?.[1];
  return hint === undefined ? '' : ` ${hint}`;
}
