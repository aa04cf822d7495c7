import type { ConfigModel } from './model.js';
import { type Notes, nameOf } from './note.js';
import { SETTINGS, type SettingInfo, SettingValues } from './settings.js';
import { didYouMean } from './suggest.js';

/** Names, numbers and forms of the settings. */
export function checkSettings({ settings }: ConfigModel, notes: Notes): void {
  const seen = new Set<string>();
  for (const { key, value } of settings) {
    const where = nameOf.setting(key);
    if (seen.has(key)) notes.warn('same-setting', where, 'it is there twice.');
    seen.add(key);
    const info = Object.hasOwn(SETTINGS, key) ? SETTINGS[key as keyof typeof SETTINGS] : undefined;
    if (info === undefined) {
      notes.warn('unknown-setting', where, `Mongrel2 knows no such setting.${didYouMean(key, Object.keys(SETTINGS))}`);
    } else if (info.kind !== 'text') checkNumber(key, value, info, notes);
  }
  checkUpload(new SettingValues(settings), notes);
}

function checkNumber(key: string, value: string, { kind, least = 0 }: SettingInfo, notes: Notes): void {
  const where = nameOf.setting(key);
  if (!/^\d{1,10}$/.test(value)) {
    notes.error(
      'bad-setting',
      where,
      `it is ${JSON.stringify(value)}; it must be ${kind === 'switch' ? '0 or 1' : 'a whole number'}: Mongrel2 reads only the digits at its beginning.`,
    );
  } else if (kind === 'switch' && Number(value) > 1) notes.error('bad-setting', where, `it is ${value}; it must be 0 or 1.`);
  else if (Number(value) < least || Number(value) > 2_147_483_647) {
    notes.error('bad-setting', where, `it is ${value}; it must be from ${least} to 2147483647.`);
  }
}

function checkUpload(settings: SettingValues, notes: Notes): void {
  const store = settings.text('upload.temp_store');
  if (store !== undefined && !store.endsWith('XXXXXX')) {
    notes.error(
      'bad-temp-store',
      nameOf.setting('upload.temp_store'),
      `it is ${JSON.stringify(store)}; it must end with XXXXXX, such as /uploads/up.XXXXXX, or no upload can be stored.`,
    );
  }
  const mode = settings.text('upload.temp_store_mode') ?? '';
  if (!/^0[0-7]{1,4}$/.test(mode)) {
    notes.error(
      'bad-temp-store-mode',
      nameOf.setting('upload.temp_store_mode'),
      `it is ${JSON.stringify(mode)}; it must be octal with a leading 0, such as 0660: Mongrel2 reads other numbers as decimal.`,
    );
  }
}
