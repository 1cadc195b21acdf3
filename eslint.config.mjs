import { builtinModules } from 'node:module'
import tseslint from 'typescript-eslint'

const nodeBuiltins = [...builtinModules, ...builtinModules.map((name) => `node:${name}`)]
const temporal = { group: ['@temporalio/*'], message: 'only workflows/, activities/, workers/ and cli/ know Temporal' }
const tensorflow = {
  group: ['@tensorflow/*', '**/model/tf', './tf', '../model/tf'],
  message: 'only model/ and training/ know TensorFlow.js',
}

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', '.rlaif/', '**/*.mjs', '**/*.js'] },
  ...tseslint.configs.recommended,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', destructuredArrayIgnorePattern: '^_' },
      ],
      eqeqeq: 'error',
      'object-shorthand': 'error',
    },
  },
  {
    files: ['src/{model,training,feedback,evaluation,data,artifacts,report,contracts}/**/*.ts', 'src/*.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: [temporal] }] },
  },
  {
    files: ['src/{feedback,evaluation,data,artifacts,report,contracts,cli,activities,workflows}/**/*.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: [tensorflow] }] },
  },
  {
    files: ['src/workflows/**/*.ts', 'src/contracts/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { paths: nodeBuiltins.filter((name) => name !== 'assert'), patterns: [tensorflow] },
      ],
    },
  },
)
