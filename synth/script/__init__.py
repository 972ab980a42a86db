"""The script of a spoken dialogue: who says which line, and where the parties interrupt, hesitate and nod.

`interaction` (what a recipe says) and a text dialogue -> `writer`, with `interruptions` -> `model.Script`. Text only,
no times.
"""

from turnmill.synth.intents import IntentMix
from turnmill.synth.script.interaction import Interaction, IntrusionMix
from turnmill.synth.script.model import Script
from turnmill.synth.script.writer import write_script

__all__ = ["IntentMix", "Interaction", "IntrusionMix", "Script", "write_script"]
