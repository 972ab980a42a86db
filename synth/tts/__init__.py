"""Speech engines: one file per engine, all behind the protocol of `synth.tts.engine`."""
