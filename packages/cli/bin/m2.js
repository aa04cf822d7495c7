#!/usr/bin/env node
import { exitWith, main, processIo } from '../dist/index.js';

exitWith(await main(process.argv.slice(2), processIo()));
