import { describe, expect, it } from 'vitest';
import { type FrontSettings, resolveSettings } from './settings.js';

describe('resolveSettings', () => {
  it("has Mongrel2's defaults", () => {
    expect(resolveSettings()).toEqual({
      flowControl: false,
      streamUploads: false,
      tempStore: undefined,
      tempStoreMode: 0o600,
      contentLength: 20_480,
      bufferSize: 4096,
      handlerTargets: 128,
    });
  });

  it('reads the mode of stored files as C does', () => {
    const mode = (text: string) => resolveSettings({ 'upload.temp_store_mode': text }).tempStoreMode;
    expect([mode('0640'), mode('0x1ff'), mode('384')]).toEqual([0o640, 0o777, 0o600]);
  });

  it.each<[string, unknown]>([
    ['download.flow_control', 2],
    ['upload.stream', true],
    ['upload.temp_store', '/var/up'],
    ['upload.temp_store', '/var/a b.XXXXXX'],
    ['upload.temp_store_mode', 'rw'],
    ['upload.temp_store_mode', '08'],
    ['upload.temp_store_mode', '0'],
    ['limits.content_length', 0],
    ['limits.content_length', 2 ** 31],
    ['limits.buffer_size', 1.5],
    ['limits.handler_targets', '128'],
    ['limits.unheard_of', 1],
  ])('refuses %s: %j', (name, value) => {
    expect(() => resolveSettings({ [name]: value } as FrontSettings)).toThrow(
      expect.objectContaining({ code: 'M2_OPTION_INVALID', details: { option: name, value } }),
    );
  });
});
