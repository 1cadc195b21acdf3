const swc = ['@swc/jest', { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'commonjs' } }]

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  transform: {
    '^.+\\.ts$': swc,
    '/node_modules/(echarts|zrender|hyparquet|hyparquet-compressors|hyparquet-writer|fzstd|hysnappy)/.+\\.js$': swc,
  },
  transformIgnorePatterns: [
    '/node_modules/(?!(echarts|zrender|hyparquet|hyparquet-compressors|hyparquet-writer|fzstd|hysnappy)/)',
  ],
  moduleNameMapper: { '^(\\.{1,2}/[^/]+/[a-z-]+)\\.js$': '$1' }, // modules that are imported when they are needed name what they become
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.rlaif/'],
  globalSetup: '<rootDir>/test/temporary-root.js',
  globalTeardown: '<rootDir>/test/remove-temporary-root.js',
  maxWorkers: 2,
  testTimeout: 60_000,
}
