// The same listener on node:http and behind m2 hears the same, in the same order.

import type { ScriptedRequest } from '@m2/core/testing';
import { describe, expect, it } from 'vitest';
import { onM2, onNode, type Scenario } from './event-recorder.js';

interface Case {
  readonly name: string;
  readonly request?: ScriptedRequest;
  /** The connection is cut: the socket's own events are compared too. */
  readonly aborting?: boolean;
  readonly scenario: Scenario;
}

const LARGE = 'x'.repeat(200_000);

const cases: readonly Case[] = [
  { name: 'GET, answered at once', scenario: (_, res) => void res.end('x') },
  { name: 'GET, answered later', scenario: (_, res) => void setTimeout(() => res.end('x'), 5) },
  { name: 'GET, in pieces', scenario: (_, res) => void res.write('a', () => res.end('b')) },
  { name: 'HEAD', request: { method: 'HEAD' }, scenario: (_, res) => void res.end('body') },
  { name: '204', scenario: (_, res) => void res.writeHead(204).end() },
  { name: 'POST, read', request: { body: 'small' }, scenario: (req, res) => void req.resume().once('end', () => res.end('x')) },
  { name: 'POST, never read', request: { body: 'small' }, scenario: (_, res) => void res.end('x') },
  {
    name: 'POST, completeness',
    request: { body: 'small' },
    scenario: (req, res, { say }) => {
      say(`sync ${req.complete} ${req.readable} ${req.readableEnded}`);
      setTimeout(() => {
        say(`later ${req.complete} ${req.readable} ${req.readableEnded}`);
        res.once('close', () => say(`closed ${res.destroyed} ${res.socket === null}`));
        res.end('x');
      }, 20);
    },
  },
  {
    name: 'write after end',
    scenario: (_, res, { say }) => {
      res.end('x');
      say(String(res.write('y')));
      res.end('z');
    },
  },
  {
    name: 'end twice, with callbacks',
    scenario: (_, res, { say }) => void res.end('x', () => say('first')).end(() => say('second')),
  },
  {
    name: 'writes with callbacks',
    scenario: (_, res, { say }) => {
      res.write('a', () => say('a'));
      res.write('', () => say('empty'));
      res.end('b', () => say('b'));
    },
  },
  { name: 'client gone before the answer', aborting: true, scenario: (_, __, { leave }) => leave() },
  {
    name: 'client gone in the middle of the answer',
    aborting: true,
    scenario: (_, res, { leave }) => void res.write('x', () => leave()),
  },
  {
    name: 'client gone, the app goes on',
    aborting: true,
    scenario: (_, res, { say, leave }) => {
      res.write('x', () => leave());
      res.once('close', () => {
        say(`write ${res.write('y')}`);
        res.end('z', () => say('ended'));
        say(`${res.writableEnded} ${res.writableFinished} ${res.destroyed} ${res.closed}`);
      });
    },
  },
  {
    name: 'client gone in the middle of the body',
    request: { body: LARGE },
    aborting: true,
    scenario: (req, _, { leave }) => void req.once('data', () => leave()),
  },
  {
    name: 'client gone, nobody listens for errors',
    aborting: true,
    scenario: (req, _, { leave }) => {
      req.removeAllListeners('error');
      leave();
    },
  },
  { name: 'res.destroy()', aborting: true, scenario: (_, res) => void res.destroy() },
  { name: 'res.destroy(error)', aborting: true, scenario: (_, res) => void res.destroy(new Error('own')) },
  { name: 'res.destroy() in the middle', aborting: true, scenario: (_, res) => void res.write('x', () => res.destroy()) },
  { name: 'req.destroy()', aborting: true, scenario: (req) => void req.destroy() },
  { name: 'req.destroy(error)', aborting: true, scenario: (req) => void req.destroy(new Error('own')) },
  { name: 'socket.destroy()', aborting: true, scenario: (req) => void req.socket.destroy() },
  { name: 'req.destroy() after the answer', scenario: (req, res) => void res.end('x').once('close', () => req.destroy()) },
];

describe('events', () => {
  it.each(cases)('$name', async ({ scenario, request = {}, aborting = false }) => {
    expect(await onM2(scenario, request, aborting)).toEqual(await onNode(scenario, request, aborting));
  });
});
