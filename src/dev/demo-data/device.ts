import type { Shopper } from './shoppers.ts';

const browsers = [
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 15_6) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Safari/537.36',
  'Mozilla/5.0 (X11; Linux x86_64; rv:148.0) Gecko/20100101 Firefox/148.0',
];
const locales = ['de-DE', 'en-GB', 'fr-FR', 'pl-PL', 'ja-JP', 'pt-BR', 'ar-EG'];

/** What the shopper's library says about itself, by the spec's common fields. Addresses are those for documentation. */
export function contextOf(shopper: Shopper): Record<string, unknown> {
  const { index, device } = shopper;
  const everywhere = {
    ip: index % 9 === 0 ? `2001:db8::${(index % 65_536).toString(16)}` : `203.0.113.${index % 256}`,
    locale: locales[index % locales.length],
  };
  if (device === 'web') {
    return {
      library: { name: 'analytics.js', version: 'next-1.84.3' },
      userAgent: browsers[index % browsers.length],
      ...everywhere,
    };
  }
  const ios = device === 'ios';
  return {
    library: { name: ios ? 'analytics-swift' : 'analytics-kotlin', version: ios ? '1.9.1' : '1.22.0' },
    app: { name: 'Demo shop', version: '4.2.0', namespace: 'com.example.shop' },
    device: { type: device, manufacturer: ios ? 'Apple' : 'Fairphone', model: ios ? 'iPhone17,1' : 'FP6' },
    os: { name: ios ? 'iOS' : 'Android', version: ios ? '19.1' : '16' },
    ...everywhere,
  };
}
