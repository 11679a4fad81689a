import { describe, expect, it } from 'vitest';
import { addressProblem, parseEgressAllow } from '../../src/destinations/egress-address.ts';
import { checkUrl } from '../../src/destinations/egress-url.ts';

const none = parseEgressAllow([]);

describe('addresses that may not be dialled', () => {
  it.each([
    ['0.0.0.0', 'unspecified'],
    ['0.1.2.3', 'this network'],
    ['10.0.0.1', 'private'],
    ['100.64.0.1', 'carrier-grade NAT'],
    ['100.127.255.255', 'carrier-grade NAT'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['169.254.169.254', 'cloud metadata'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.0.0.8', 'protocol assignments'],
    ['192.0.2.1', 'documentation'],
    ['192.88.99.1', '6to4 relay'],
    ['192.168.1.1', 'private'],
    ['198.18.0.1', 'benchmarking'],
    ['198.51.100.7', 'documentation'],
    ['203.0.113.9', 'documentation'],
    ['224.0.0.1', 'multicast'],
    ['240.0.0.1', 'reserved'],
    ['255.255.255.255', 'broadcast'],
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['0:0:0:0:0:0:0:1', 'loopback, long form'],
    ['::7f00:1', 'IPv4-compatible loopback'],
    ['::127.0.0.1', 'IPv4-compatible loopback, dotted'],
    ['::ffff:127.0.0.1', 'IPv4-mapped loopback'],
    ['::ffff:7f00:1', 'IPv4-mapped loopback, hexadecimal'],
    ['::ffff:10.0.0.1', 'IPv4-mapped private'],
    ['::ffff:a9fe:a9fe', 'IPv4-mapped metadata'],
    ['::ffff:0:127.0.0.1', 'IPv4-translated'],
    ['64:ff9b::7f00:1', 'NAT64'],
    ['64:ff9b:1::1', 'local NAT64'],
    ['100::1', 'discard'],
    ['2001::1', 'Teredo'],
    ['2001:2::1', 'benchmarking'],
    ['2001:db8::1', 'documentation'],
    ['2002:7f00:1::', '6to4 loopback'],
    ['2002:a00:1::1', '6to4 private'],
    ['3fff::1', 'documentation'],
    ['5f00::1', 'segment routing'],
    ['fc00::1', 'unique local'],
    ['fd00:ec2::254', 'cloud metadata'],
    ['fe80::1', 'link-local'],
    ['fe80::1%lo', 'link-local with a zone'],
    ['2606:4700::1%eth0', 'a zone'],
    ['fec0::1', 'site-local'],
    ['ff02::1', 'multicast'],
    ['4000::1', 'outside of 2000::/3'],
    ['0177.0.0.1', 'octal, which is no literal'],
    ['2130706433', 'decimal, which is no literal'],
    ['localhost', 'a name'],
    ['', 'nothing'],
  ])('%s (%s)', (address) => {
    expect(addressProblem(address, 443, none)).toContain('REPRISE_EGRESS_ALLOW');
  });
});

describe('addresses that may be dialled', () => {
  it.each([
    '1.1.1.1',
    '8.8.8.8',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.1',
    '169.253.0.1',
    '172.15.255.255',
    '172.32.0.1',
    '192.167.0.1',
    '223.255.255.255',
    '::ffff:8.8.8.8',
    '2606:4700:4700::1111',
    '2a00:1450:4001:82a::200e',
    '2400:cb00:2048::1',
  ])('%s', (address) => {
    expect(addressProblem(address, 443, none)).toBeNull();
  });
});

describe('ports', () => {
  it.each([80, 443, 8000, 8443, 9999])('%d may be dialled', (port) => {
    expect(addressProblem('8.8.8.8', port, none)).toBeNull();
  });

  it.each([0, 1, 22, 25, 81, 442, 444, 5432, 6379, 7233, 7999, 10_000, 65_535, Number.NaN])(
    '%d may not',
    (port) => {
      expect(addressProblem('8.8.8.8', port, none)).toContain('8000 to 9999');
    },
  );
});

describe('the allow list', () => {
  it('lets an address through at any port, and only that one', () => {
    const allow = parseEgressAllow(['127.0.0.1']);
    expect(addressProblem('127.0.0.1', 5432, allow)).toBeNull();
    expect(addressProblem('::ffff:127.0.0.1', 5432, allow)).toBeNull();
    expect(addressProblem('127.0.0.2', 80, allow)).not.toBeNull();
    expect(addressProblem('::1', 80, allow)).not.toBeNull();
  });

  it('lets a range through', () => {
    const allow = parseEgressAllow(['10.1.0.0/16', 'fd00:1::/32', '::ffff:10.9.0.0/112']);
    expect(addressProblem('10.1.255.1', 4000, allow)).toBeNull();
    expect(addressProblem('fd00:1::5', 4000, allow)).toBeNull();
    expect(addressProblem('10.9.1.1', 4000, allow)).toBeNull();
    expect(addressProblem('10.8.1.1', 4000, allow)).not.toBeNull();
    expect(addressProblem('10.2.0.1', 80, allow)).not.toBeNull();
    expect(addressProblem('fd00:2::5', 80, allow)).not.toBeNull();
  });

  it('reads an IPv4-mapped entry as the IPv4 address', () => {
    expect(addressProblem('10.0.0.7', 4000, parseEgressAllow(['::ffff:10.0.0.7']))).toBeNull();
  });

  it.each([
    'localhost',
    '10.0.0.0/33',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    '10.0.0',
    '0xa.0.0.1',
    '::ffff:10.0.0.0/40',
    'x',
  ])('refuses the entry %s', (entry) => {
    expect(() => parseEgressAllow([entry])).toThrow(entry);
  });
});

describe('a URL at save', () => {
  const refused: [url: string, remedy: string | RegExp][] = [
    ['http://127.0.0.1/', /REPRISE_EGRESS_ALLOW/],
    ['http://127.1/', /REPRISE_EGRESS_ALLOW/],
    ['http://127.0.1/', /REPRISE_EGRESS_ALLOW/],
    ['http://2130706433/', /REPRISE_EGRESS_ALLOW/],
    ['http://0x7f000001/', /REPRISE_EGRESS_ALLOW/],
    ['http://0x7f.1/', /REPRISE_EGRESS_ALLOW/],
    ['http://0177.0.0.1/', /REPRISE_EGRESS_ALLOW/],
    ['http://017700000001/', /REPRISE_EGRESS_ALLOW/],
    ['http://127.0.0.1./', /REPRISE_EGRESS_ALLOW/],
    ['http://0/', /REPRISE_EGRESS_ALLOW/],
    ['http://3232235777/', /REPRISE_EGRESS_ALLOW/],
    ['http://169.254.169.254/latest/meta-data', /REPRISE_EGRESS_ALLOW/],
    ['http://[::1]/', /REPRISE_EGRESS_ALLOW/],
    ['http://[::]/', /REPRISE_EGRESS_ALLOW/],
    ['http://[::ffff:127.0.0.1]/', /REPRISE_EGRESS_ALLOW/],
    ['http://[::ffff:7f00:1]/', /REPRISE_EGRESS_ALLOW/],
    ['http://[::7f00:1]/', /REPRISE_EGRESS_ALLOW/],
    ['http://[64:ff9b::10.0.0.1]/', /REPRISE_EGRESS_ALLOW/],
    ['http://[2002:7f00:1::]/', /REPRISE_EGRESS_ALLOW/],
    ['http://[fd00::1]/', /REPRISE_EGRESS_ALLOW/],
    ['http://localhost/', /REPRISE_EGRESS_ALLOW/],
    ['http://LOCALHOST/', /REPRISE_EGRESS_ALLOW/],
    ['http://a.localhost/', /REPRISE_EGRESS_ALLOW/],
    ['http://%31%32%37.0.0.1/', /REPRISE_EGRESS_ALLOW/],
    ['http://%6cocalhost/', /REPRISE_EGRESS_ALLOW/],
    ['http:\\\\127.0.0.1\\', /REPRISE_EGRESS_ALLOW/],
    ['http://①②⑦.0.0.1/', '127.0.0.1'],
    ['http://127。0。0。1/', '127.0.0.1'],
    ['http://１２７.0.0.1/', '127.0.0.1'],
    ['http://ⓛocalhost/', 'localhost'],
    ['https://münchen.example/', 'xn--mnchen-3ya.example'],
    ['http://localhost./', 'Leave out the dot'],
    ['https://example.com./', 'example.com'],
    ['https://user:password@example.com/', 'headers'],
    ['https://token@example.com/', 'headers'],
    ['https://example.com@127.0.0.1/', 'headers'],
    ['ftp://example.com/', 'https:'],
    ['file:///etc/passwd', 'https:'],
    ['gopher://127.0.0.1:6379/', 'https:'],
    ['javascript:alert(1)', 'https:'],
    ['https://example.com:22/', '8000 to 9999'],
    ['https://example.com:5432/', '8000 to 9999'],
    ['https://8.8.8.8:25/', '8000 to 9999'],
    ['example.com/events', 'https://'],
    ['https://', 'https://'],
    ['https://exa mple.com/', 'https://'],
    ['http://[fe80::1%25lo]/', 'https://'],
    ['http://1.2.3.4.5/', 'https://'],
    ['http://256.1.1.1/', 'https://'],
    ['', 'https://'],
  ];
  it.each(refused)('refuses %s', (url, remedy) => {
    const check = checkUrl(url, none);
    expect(check).toEqual({ ok: false, problem: expect.stringMatching(remedy) });
  });

  it.each([
    'https://example.com/',
    'https://example.com/events?key=1#x',
    'http://example.com:8080/hook',
    'https://EXAMPLE.com:443/',
    'https://xn--mnchen-3ya.example/',
    'https://8.8.8.8/',
    'http://134744072/',
    'https://[2606:4700:4700::1111]/',
    'https://[::ffff:8.8.8.8]:8443/',
    'https://intranet/',
  ])('takes %s', (url) => {
    expect(checkUrl(url, none)).toEqual({ ok: true });
  });

  it('takes what the allow list holds, at any port', () => {
    const allow = parseEgressAllow(['127.0.0.0/8', '::1']);
    expect(checkUrl('http://127.0.0.1:4999/', allow)).toEqual({ ok: true });
    expect(checkUrl('http://[::1]:4999/', allow)).toEqual({ ok: true });
    expect(checkUrl('http://localhost:4999/', allow)).toEqual({ ok: true });
    expect(checkUrl('http://10.0.0.1/', allow)).toMatchObject({ ok: false });
    expect(checkUrl('https://user:pw@127.0.0.1/', allow)).toMatchObject({ ok: false });
  });

  it('leaves the port of a name to the connection when there is an allow list', () => {
    expect(checkUrl('http://sink:4999/', parseEgressAllow(['10.0.0.0/8']))).toEqual({ ok: true });
    expect(checkUrl('http://sink:4999/', none)).toMatchObject({ ok: false });
  });
});
