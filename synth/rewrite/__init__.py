"""The optional rewrite of written dialogues by a language model behind any OpenAI-compatible endpoint.

params (what a recipe says) -> tasks (a dialogue -> what is asked of the model; its answer -> the dialogue, changed)
-> rewriter (many dialogues at once, by `synth.chat`). The prompts are the files of `prompts/`.
"""
