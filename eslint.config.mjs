import { builtinModules } from 'node:module'
import redos from 'eslint-plugin-redos'
import tseslint from 'typescript-eslint'
import rooms from './rooms.js'

const { ROOMS } = rooms
const nodeBuiltins = [...builtinModules, ...builtinModules.map((name) => `node:${name}`)].filter(
  (name) => name !== 'assert',
)
const temporal = {
  group: ['@temporalio/*'],
  message: `only ${list(({ temporal }) => temporal)} know Temporal`,
}
const tensorflow = {
  regex: '^@tensorflow/|(^|/)model/tf(\\.js)?$|^\\./tf(\\.js)?$',
  message: `only ${list(({ tensorflow }) => tensorflow)} know TensorFlow.js`,
}

const activityTypes = {
  regex: '^(\\.\\./)+activities',
  allowTypeImports: true,
  message: 'workflows/ knows the types of activities alone: what they import does not run in the sandbox',
}

function list(isOne) {
  return Object.entries(ROOMS)
    .filter(([, room]) => isOne(room))
    .map(([name]) => `${name}/`)
    .join(', ')
}

/** One block a room, with everything that is forbidden there: of two blocks for the same file the later one alone would hold. */
function bordersOf([name, room]) {
  const others = Object.keys(ROOMS).filter((other) => other !== name && !room.rooms.includes(other))
  const patterns = [
    {
      regex: `^(\\.\\./)+(${others.join('|')})(/|$)`, // from a folder of the room too
      message: `${name}/ may import ${[...room.rooms.map((other) => `${other}/`), 'files directly in src/'].join(', ')} (rooms.js)`,
    },
    ...(name === 'workflows' ? [activityTypes] : []),
    ...(room.temporal ? [] : [temporal]),
    ...(room.tensorflow ? [] : [tensorflow]),
  ]
  const paths = room.node === false ? nodeBuiltins : []
  return {
    files: [`src/${name}/**/*.ts`],
    rules: { '@typescript-eslint/no-restricted-imports': ['error', { paths, patterns }] },
  }
}

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', '.rlaif/', '**/*.mjs', '**/*.js', '**/*.cjs'] },
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
  ...Object.entries(ROOMS).map(bordersOf),
  {
    // arguments lie on the stack, which overflows at some 100,000 of them; where their number is known to be small, a
    // directive says why
    files: ['src/**/*.ts'],
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'no-restricted-syntax': [
        'error',
        ...[
          ':matches(CallExpression, NewExpression) > SpreadElement.arguments',
          'CallExpression[callee.property.name="apply"]',
        ].map((selector) => ({
          selector,
          message: 'many arguments overflow the stack: use a loop, or largest and smallest of src/extremes.ts',
        })),
      ],
    },
  },
  {
    // a pattern on text from outside: its time must grow with the length of the text, not with a power of it
    files: ['src/**/*.ts'],
    plugins: { redos },
    rules: {
      'redos/no-vulnerable': ['error', { cache: { strategy: 'aggressive' }, ignoreErrors: false, timeout: 60_000 }],
    },
  },
  {
    files: ['src/*.ts'],
    ignores: ['src/index.ts'], // the root entry of the package, which no file imports
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            temporal,
            tensorflow,
            { regex: `^\\./(${Object.keys(ROOMS).join('|')})(/|$)`, message: 'files directly in src/ know no room' },
          ],
        },
      ],
    },
  },
)
