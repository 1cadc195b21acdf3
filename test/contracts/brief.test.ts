import { brief } from '../../src/contracts/brief'

test.each(['short', 'x'.repeat(500), 'β'.repeat(300), '長'.repeat(300), '🜚'.repeat(300), 'x🜚'.repeat(100)])(
  'a line has at most 200 bytes and no character is cut: %s',
  (text) => {
    const line = brief(text)
    expect(Buffer.byteLength(line)).toBeLessThanOrEqual(200)
    expect(Buffer.byteLength(line)).toBeGreaterThan(Math.min(Buffer.byteLength(text), 200) - 4)
    expect(text.startsWith(line)).toBe(true)
    expect(line).not.toMatch(/\uFFFD|[\uD800-\uDBFF]$/)
  },
)
