# TRL's RLOOTrainer with `rlaif serve-reward` as its reward: python reward_service_trl.py URL MODEL STEPS. Prints the
# mean reward of each step.
import json, sys, urllib.request

from datasets import Dataset
from trl import RLOOConfig, RLOOTrainer

url, model, steps = sys.argv[1], sys.argv[2], int(sys.argv[3])
asked = []


def reward(prompts, completions, **_):
    body = json.dumps({"prompts": prompts, "completions": completions}).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body, {"content-type": "application/json"})) as response:
        rewards = json.load(response)["rewards"]
    asked.append(rewards)
    return rewards


config = RLOOConfig(
    output_dir="/tmp/rlaif-trl",
    per_device_train_batch_size=8,
    num_generations=4,
    max_completion_length=8,
    max_steps=steps,
    learning_rate=1e-3,
    logging_steps=1,
    report_to=[],
    use_cpu=True,
    bf16=False,
    save_strategy="no",
)
prompts = Dataset.from_dict({"prompt": [f"Post {i}" for i in range(16)]})
trainer = RLOOTrainer(model=model, reward_funcs=reward, args=config, train_dataset=prompts)
trainer.train()
logged = [round(row["reward"], 6) for row in trainer.state.log_history if "reward" in row]
print(json.dumps({"asked": len(asked), "rewards": [sum(r) / len(r) for r in asked], "logged": logged}))
