// The rooms of src/ and what each may know. eslint.config.mjs makes a lint rule of every line; test/structure.test.ts plants what is forbidden.
//
// A room may import itself, the files directly in src/, and the rooms named here: those below it. `temporal` and `tensorflow` say whether it
// may import Temporal's packages and TensorFlow.js, `node` whether it may import Node's built-in modules.

/** @typedef {{ rooms: string[], temporal?: true, tensorflow?: true, node?: false }} Room */
const below = {
  data: ['contracts', 'hub'],
  model: ['contracts', 'hub'],
  feedback: ['contracts', 'data', 'http', 'model'],
}

/** @type {Record<string, Room>} */
const ROOMS = {
  contracts: { rooms: [], node: false },
  hub: { rooms: ['contracts'] },
  http: { rooms: ['contracts'] },
  artifacts: { rooms: ['contracts'] },
  model: { rooms: below.model, tensorflow: true },
  data: { rooms: below.data },
  training: { rooms: ['contracts', 'model'], tensorflow: true },
  feedback: { rooms: below.feedback },
  evaluation: { rooms: ['contracts', 'data', 'feedback'] },
  ray: { rooms: ['contracts'] },
  tracking: { rooms: ['contracts'] },
  report: { rooms: ['contracts', 'evaluation'] },
  rating: { rooms: ['contracts', 'evaluation', 'http', 'report'] },
  world: { rooms: ['contracts', 'data', 'feedback', 'http', 'model'] },
  activities: {
    rooms: [
      'contracts',
      'artifacts',
      'data',
      'evaluation',
      'feedback',
      'hub',
      'model',
      'rating',
      'ray',
      'report',
      'tracking',
      'training',
      'world',
    ],
    temporal: true,
  },
  workflows: { rooms: ['contracts', 'evaluation', 'activities'], temporal: true, node: false }, // evaluation: rules that run in the sandbox
  workers: { rooms: ['contracts', 'artifacts', 'activities', 'http', 'workflows'], temporal: true },
  runs: { rooms: ['contracts', 'artifacts', 'data', 'http', 'report', 'workers'], temporal: true },
  studio: {
    rooms: ['contracts', 'artifacts', 'data', 'evaluation', 'http', 'report', 'runs', 'workers'],
    temporal: true,
  },
  cli: {
    rooms: [
      'contracts',
      'artifacts',
      'data',
      'evaluation',
      'feedback',
      'http',
      'hub',
      'model',
      'rating',
      'report',
      'runs',
      'studio',
      'workers',
      'world',
    ],
    temporal: true,
  },
}

module.exports = { ROOMS }
