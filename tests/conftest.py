"""Settings of all tests: nothing leaves this machine, and two threads, because the machines are shared."""

import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.pop("STYLEKIT_VGG19", None)

import torch

torch.set_num_threads(2)
