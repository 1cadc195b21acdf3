// Inputs to start from, for the workflows that people start most; test/browser/studio/start.ts checks each.
import { sweepPresets } from '../contracts/sweep-presets'
import type { WorkflowName } from '../contracts/workflow-inputs'

export interface Example {
  title: string
  input: Record<string, unknown>
}

const ENDPOINT = { baseUrl: 'http://127.0.0.1:8000/v1', model: 'judge' }
const HARMLESS = { task: 'harmless', data: 'hh-harmless-base.jsonl.gz' }

const OWN: Partial<Record<WorkflowName, Example[]>> = {
  align: [
    { title: 'the quickstart: cheerful sentences by direct RLAIF', input: { preset: 'quickstart' } },
    { title: 'a labeler at an endpoint', input: { task: 'summarization', labeler: ENDPOINT } },
    { title: 'DPO on its labels', input: { method: 'dpo', task: 'summarization', labeler: ENDPOINT } },
    { title: 'the sizes of the paper', input: { preset: 'paper', task: 'summarization', labeler: ENDPOINT } },
  ],
  compare: [{ title: 'SFT, RLHF and RLAIF', input: { base: { ...HARMLESS, labeler: ENDPOINT } } }],
  labelStudy: [{ title: 'prompts of a labeler, compared with people', input: HARMLESS }],
  miniature: [{ title: 'the paper’s claims in a miniature world', input: { size: 'quick' } }],
}

export const examplesOf = (workflow: WorkflowName): readonly Example[] =>
  workflow === 'sweep'
    ? Object.entries(sweepPresets).map(([preset, { about }]) => ({ title: about, input: { preset } }))
    : (OWN[workflow] ?? [])
