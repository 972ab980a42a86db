"""The recipe of the embedded recogniser, from texts to the CTranslate2 model in `pipelines/asr/embedded`: see
README.md.
"""
