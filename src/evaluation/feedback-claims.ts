// What the sources of DPO, online DPO, GRPO, juries, rubrics and rounds say of them, and which figure of the miniature
// study of feedback tests it. Names of policies are those of its arms (contracts/miniature-feedback.ts). Where a
// source finds more than that two methods are equal, the claim is the source's, not what this world makes likely.
import { difference, differenceClaim, winRateClaim, type PaperClaim } from './paper-claims'

const POLICY_CLAIMS: PaperClaim[] = [
  winRateClaim('dpo', 'sft', { id: 'dpo-sft', says: 'DPO beats SFT', paper: 'Rafailov et al., 2023' }),
  winRateClaim('dpo', 'rlaif', {
    id: 'dpo-rlaif',
    says: 'DPO is no worse than RLAIF on the same labels',
    paper: 'Rafailov et al., 2023: 58 % over PPO',
    rule: { notBelow: 0.5 },
  }),
  winRateClaim('online-dpo', 'sft', { id: 'online-dpo-sft', says: 'Online DPO beats SFT', paper: 'Guo et al., 2024' }),
  winRateClaim('online-dpo', 'dpo', {
    id: 'online-dpo-dpo',
    says: 'Online DPO beats DPO with the same labeler',
    paper: 'Guo et al., 2024',
  }),
  winRateClaim('online-dpo', 'rlaif', {
    id: 'online-dpo-rlaif',
    says: 'Online DPO is no worse than RLAIF with the same labeler',
    paper: 'Guo et al., 2024',
    rule: { notBelow: 0.5 },
  }),
  winRateClaim('grpo', 'sft', { id: 'grpo-sft', says: 'GRPO beats SFT', paper: 'Shao et al., 2024' }),
  winRateClaim('grpo', 'rloo', {
    id: 'grpo-rloo',
    says: 'GRPO and RLOO are equal on the same reward model',
    paper: 'not compared there',
    rule: { near: 0.5 },
  }),
  winRateClaim('grpo', 'rlaif', {
    id: 'grpo-rlaif',
    says: 'GRPO is no worse than REINFORCE with a value baseline on the same reward model',
    paper: 'not compared there',
    rule: { notBelow: 0.5 },
  }),
]

const agreementOf =
  (one: string, other: string): PaperClaim['measure'] =>
  ({ agreement }) =>
    difference(agreement[one], agreement[other])

const JURY_CLAIMS: PaperClaim[] = [
  differenceClaim({
    id: 'jury-xs-agreement',
    says: 'A jury of three XS agrees with people more often than one XS',
    paper: 'Verga et al., 2024',
    measures: 'agreement, three XS − one, in both orders',
    measure: agreementOf('three XS, both orders', 'XS, both orders'),
  }),
  differenceClaim({
    id: 'jury-l-agreement',
    says: 'A jury of three XS agrees with people no less often than one L',
    paper: 'Verga et al., 2024',
    measures: 'agreement, three XS − L, in both orders',
    rule: { notBelow: 0 },
    measure: agreementOf('three XS, both orders', 'L, both orders'),
  }),
  winRateClaim('dpo, three XS', 'dpo, one XS', {
    id: 'jury-xs',
    says: 'DPO on the labels of three XS beats DPO on those of one',
    paper: 'not trained there',
  }),
  winRateClaim('dpo, three XS', 'dpo', {
    id: 'jury-l',
    says: 'DPO on the labels of three XS is no worse than on those of one L',
    paper: 'not trained there',
    rule: { notBelow: 0.5 },
  }),
]

const RUBRIC_CLAIMS: PaperClaim[] = [
  differenceClaim({
    id: 'rubric-agreement',
    says: 'A rubric agrees with people more often than one score of the same labeler',
    paper: 'Viswanathan et al., 2025',
    measures: 'agreement of XS, rubric − one score',
    measure: agreementOf('XS, rubric', 'XS, one score'),
  }),
  winRateClaim('rubric', 'one score', {
    id: 'rubric-policy',
    says: 'Direct RLAIF by a rubric beats direct RLAIF by one score of the same labeler',
    paper: 'Gunjal et al., 2025',
  }),
]

const ROUND_CLAIMS: PaperClaim[] = [
  winRateClaim('round 2', 'round 1', {
    id: 'rounds-first',
    says: 'A second round of DPO beats the first',
    paper: 'Touvron et al., 2023',
  }),
  differenceClaim({
    id: 'rounds-labels',
    says: 'Two rounds of DPO beat one with as many labels',
    paper: 'Touvron et al., 2023',
    measures: 'gold score, round 2 − one round',
    measure: ({ gold }) =>
      gold['round 2'] === undefined || gold['one round'] === undefined
        ? undefined
        : { value: gold['round 2'] - gold['one round'], error: NaN },
  }),
]

/** In the order of the report. */
export const FEEDBACK_CLAIMS: PaperClaim[] = [...POLICY_CLAIMS, ...JURY_CLAIMS, ...RUBRIC_CLAIMS, ...ROUND_CLAIMS]
