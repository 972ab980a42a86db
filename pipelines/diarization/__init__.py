"""Who speaks when: pyannote.audio's pipelines, and an encoder of voices. Torch is imported where a model is loaded."""
