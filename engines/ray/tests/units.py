"""The parts that need no cluster. Run: python -m unittest tests.units"""

import json
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, OPTConfig

from rlaif_ray import rewards, rl, training
from rlaif_ray.failure import Diverged, describe, final_cause
from rlaif_ray.job import Job, read_lines, write_json
from rlaif_ray.models import load_language_model, load_scorer, padded, scores_of, without_dropout
from rlaif_ray.reward_model import has_plateaued, preference_loss
from rlaif_ray.sampler import cut
from tests.other_family import write


def job(**more: object) -> Job:
    settings = {"missingEosPenalty": 1, "candidates": 2, "batchSize": 24, "microBatchSize": 4}
    limits = {"maxKl": 10, "minEntropy": 0.1, "minLength": 2}
    model = {"folder": "/model", "adapters": [], "stopIds": [2]}
    return Job(Path(tempfile.mkdtemp()), "rl", 1, False, {"workers": 2}, model, settings | limits, dict(more))


class Losses(unittest.TestCase):
    def test_soft_labels(self) -> None:
        loss = preference_loss(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 2.0]), torch.tensor([0.8, 0.3]))
        # by hand: −(0.8 log σ(1) + 0.2 log σ(−1)) = 0.51326; −(0.3 log σ(−2) + 0.7 log σ(2)) = 0.72693
        self.assertAlmostEqual(loss.item(), (0.51326 + 0.72693) / 2, places=4)

    def test_plateau(self) -> None:
        self.assertFalse(has_plateaued([2, 2, 1, 1], 2, 0.1))
        self.assertTrue(has_plateaued([2, 2, 1.9, 1.9], 2, 0.1))
        self.assertFalse(has_plateaued([2, 2, 1.9], 2, 0.1))
        self.assertFalse(has_plateaued([2, 2, 2, 2], 2, 0))


class Rows(unittest.TestCase):
    def test_padding_is_never_what_a_row_ends_in(self) -> None:
        class Model(torch.nn.Module):
            config = mock.Mock()

            def forward(self, input_ids: Tensor, attention_mask: Tensor, position_ids: Tensor) -> mock.Mock:
                text = self.config.get_text_config()
                # as transformers does: the last token that is not the padding's
                last = (torch.arange(input_ids.shape[1]) * (input_ids != text.pad_token_id)).argmax(1)
                return mock.Mock(logits=last[:, None].float())

        for side in ("right", "left"):
            ids, mask = padded([[5, 6, 0], [7, 1], [3, 0, 0, 2]], 0, side)
            want = [2, 1, 3] if side == "right" else [3, 3, 3]
            self.assertEqual(scores_of(Model(), ids, mask).tolist(), want)

    def test_responses_end_at_the_first_stop(self) -> None:
        self.assertEqual(cut([4, 5, 2, 2, 9], {2, 3}), [4, 5, 2])
        self.assertEqual(cut([4, 5], {2}), [4, 5])

    def test_micro_batches_share_a_step(self) -> None:
        self.assertEqual(training.micro_batches(24, job()), (4, 3))
        self.assertEqual(training.micro_batches(10, job()), (1, 5))


class Families(unittest.TestCase):
    def test_a_family_without_a_classifier_gets_one(self) -> None:
        folder = tempfile.mkdtemp()
        write("cohere", folder, 64)
        model = load_scorer(folder).eval()
        self.assertEqual(type(model).__name__, "CohereForSequenceClassification")
        of_policy = load_language_model(folder).state_dict()
        for name, weight in model.state_dict().items():
            self.assertTrue(name == "score.weight" or torch.equal(weight, of_policy[name]), name)
        rows = [[5, 6, 7, 8], [9, 3]]
        alone = torch.cat([scores_of(model, *padded([row], 0)) for row in rows])
        for side in ("right", "left"):
            torch.testing.assert_close(scores_of(model, *padded(rows, 0, side)), alone)

    def test_nothing_is_dropped(self) -> None:
        config = OPTConfig(hidden_size=16, ffn_dim=32, num_hidden_layers=1, num_attention_heads=2, vocab_size=64)
        model = without_dropout(AutoModelForCausalLM.from_config(config)).train()
        ids = torch.arange(8)[None]
        torch.testing.assert_close(model(ids).logits, model(ids).logits, rtol=0, atol=0)


class Rewards(unittest.TestCase):
    def test_the_rule_about_cut_responses(self) -> None:
        self.assertEqual(rewards.with_eos_rule(0.5, [7, 2], job()), 0.5)
        self.assertEqual(rewards.with_eos_rule(0.5, [7, 8], job()), -0.5)
        self.assertEqual(rewards.with_eos_rule(-0.5, [7, 8], job(floor=-1)), -1)

    def test_an_outage_pauses_the_step(self) -> None:
        work, waited = job(), []
        answers: list[Exception | dict[str, object]] = [ConnectionRefusedError(), {"rewards": [0.25]}]

        def post(service: dict[str, str], body: object) -> dict[str, object]:
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        def pause(seconds: float) -> None:
            waited.append(seconds)  # meanwhile the next worker of rlaif opens the service
            write_json(work.folder / ".reward-service.json", {"url": "http://127.0.0.1:1", "token": "t"})

        with mock.patch.object(rewards, "post", post):
            self.assertEqual(rewards.ask(work, {}, pause), {"rewards": [0.25]})
        self.assertEqual(waited, [2.0, 4.0])


class Ends(unittest.TestCase):
    def test_a_collapse_has_a_reason(self) -> None:
        sound = {"kl": 1.0, "entropy": 1.0, "length": 5.0}
        self.assertIsNone(rl.collapsed(sound, job().settings))
        for change, reason in (
            ({"kl": 11.0}, "maxKl"),
            ({"entropy": 0.0}, "minEntropy"),
            ({"length": 1.0}, "minLength"),
        ):
            self.assertIn(reason, str(rl.collapsed(sound | change, job().settings)))

    def test_candidates_are_the_best_and_among_equals_the_later(self) -> None:
        work = job()
        for step, reward in ((0, 9.0), (2, 0.5), (4, 0.7), (6, 0.5)):
            record = {"step": step, "reward": reward, "responses": []}
            write_json(work.folder / "validations" / f"step-{step:08d}.json", record)
        self.assertEqual(rl.best(work, 6), [4, 6])
        self.assertEqual(rl.best(work, 2), [2])

    def test_half_a_checkpoint_is_removed(self) -> None:
        work = job()
        for step, name in ((2, training.WHOLE), (10, training.WHOLE), (12, "half")):
            folder = work.folder / "trainer" / f"checkpoint-{step}"
            folder.mkdir(parents=True)
            (folder / name).touch()
        self.assertEqual(training.last_checkpoint(work), work.folder / "trainer" / "checkpoint-10")
        self.assertFalse((work.folder / "trainer" / "checkpoint-12").exists())

    def test_the_innermost_cause_is_told(self) -> None:
        outer = RuntimeError("of Ray")
        outer.__cause__ = ModuleNotFoundError("No module named 'trl'")
        missing = {"name": "ModuleNotFoundError", "message": "No module named 'trl'", "final": True}
        self.assertEqual(describe(outer), missing)
        outer.__cause__ = Diverged("training: loss became nan at step 3")
        self.assertEqual(describe(outer)["name"], "Diverged")

    def test_what_is_final_is_told_and_not_what_followed_from_it(self) -> None:
        lost = RuntimeError("Connection closed by peer")
        full = RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory")
        group = mock.Mock(spec=RuntimeError, worker_failures={0: full, 1: lost}, cause=None, __cause__=None)
        self.assertEqual(describe(group)["message"], str(full))
        self.assertIs(final_cause(group), full)
        self.assertIsNone(final_cause(lost))

    def test_an_error_of_the_program_is_final_unless_a_worker_was_lost(self) -> None:
        class ActorDiedError(Exception):
            pass

        wrong = ValueError("Target modules {'q_proj'} not found in the base model")
        group = mock.Mock(spec=RuntimeError, worker_failures={0: wrong}, cause=None, __cause__=None)
        self.assertIs(final_cause(group), wrong)
        group.worker_failures[1] = ActorDiedError()
        self.assertIsNone(final_cause(group))
        self.assertFalse(describe(group)["final"])

    def test_files_appear_whole(self) -> None:
        file = job().folder / "deep" / "value.json"
        write_json(file, {"a": 1})
        self.assertEqual(list(read_lines(file)), [{"a": 1}])
        self.assertEqual([json.loads(file.read_text())], [{"a": 1}])


if __name__ == "__main__":
    unittest.main()
