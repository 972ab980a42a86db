"""The speech engines: a module or folder each, with its `synth.tts.declaration.Declaration`. `synth.tts.declared` lists
them."""
