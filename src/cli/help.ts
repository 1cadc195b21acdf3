// What `rlaif --help` shows after the list of commands.

import { shipped } from '../installation'

export const EXAMPLES_AND_ENVIRONMENT = String.raw`
Examples:
  # Start the Temporal server, its UI and workers on this machine
  rlaif up

  # A whole run: with the defaults, with other settings, with settings from a file in the background
  rlaif run align
  rlaif run align --input '{"task": "harmless", "method": "direct-rlaif"}'
  rlaif run align --input settings.json --detach

  # Prompts of a labeler compared by their agreement with people; methods compared by a judge
  rlaif run labelStudy --input '{"task": "harmless", "data": "hh-harmless-base.jsonl.gz"}'
  rlaif run compare --input '{"base": {"task": "harmless", "data": "hh-harmless-base.jsonl.gz"}}'

  # An evaluation by people of a comparison, by its run; rate serves the rating page and prints each rater's link
  rlaif run humanEvaluation --detach --id people \
    --input '{"contest": "compare-20260101120000", "raters": ["anna", "ben", "cleo"]}'
  rlaif rate people

  # Sweeps; --presets lists the studies of the paper, --dry-run the trials
  rlaif sweep --preset kl-weight --dry-run
  rlaif sweep --preset labelling-techniques \
    --input '{"base": {"task": "harmless", "data": "hh-harmless-base.jsonl.gz"}}'

  # The paper's claims in a miniature world whose true preferences are known
  rlaif run miniature --input '{"size": "quick"}'

  # A sweep every night, and the runs of past nights (--yes starts them)
  rlaif schedule apply ${shipped('schedules/nightly-ablation.json')}
  rlaif schedule backfill nightly-ablation --from 2026-11-20 --to 2026-11-24

  # What a run would read from a file: its format, the first rows, what is left out and why
  rlaif data show rows.jsonl

  # The prompt that the labeler gets for a row of the data
  rlaif prompt show --input '{"labeler": {"model": "default", "preamble": "detailed"}}' --row 3

  # What an endpoint can do as a labeler, what it costs, and which settings it needs
  rlaif labeler check --input '{"labeler": {"baseUrl": "http://127.0.0.1:8000/v1", "model": "…"}}'

  # The labeler's score as a reward for other trainers
  RLAIF_REWARD_TOKEN=… rlaif serve-reward --host 0.0.0.0 \
    --input '{"task": "summarization", "labeler": {"baseUrl": "…", "model": "…"}}'

  # What happened in a run, what it rests on, and what to do next; which runs are parked, and why; for scripts
  rlaif explain align-20260101120000
  rlaif status --parked --since 7d
  rlaif run align --input settings.json --json

  # The latest runs; retrying a stage that failed permanently; the report of a run
  rlaif status
  rlaif resolve align-20260101120000 retry
  rlaif report align-20260101120000 --open

  # What can be removed from the store (--yes removes it); downloading a model
  rlaif artifacts gc --older-than 14
  rlaif model import hf:HuggingFaceTB/SmolLM2-135M-Instruct ./smollm2

Environment:
  RLAIF_HOME          artifacts, logs and the local server's database; default: ./.rlaif
  RLAIF_CACHE         downloads and imported models; default: ~/.cache/rlaif
  TEMPORAL_ADDRESS    a Temporal server to use instead of a local one, with TEMPORAL_NAMESPACE, TEMPORAL_API_KEY and
                      TEMPORAL_TLS_… as needed; or TEMPORAL_PROFILE, as for Temporal's own tools
  RLAIF_PAYLOAD_KEYS  name:key,… to encrypt what Temporal stores: the first key encrypts, all of them decrypt`
